//! Tokenizers from what a model file says.

mod byte_level;
mod control;
mod sentence_piece;
mod vocabulary;

use crate::{StoreError, keys, pre_tokenization};
use control::ControlTokens;
use domain_types::{Metadata, PortError, TensorSource, TokenId, Tokenizer};

type Inner = tokenizers::Tokenizer;

/// A tokenizer of the `tokenizers` crate, with the control tokens kept apart: text of users can never become one.
#[derive(Debug)]
pub struct HfTokenizer {
    inner: Inner,
    control: ControlTokens,
    vocab_size: usize,
    bos: Option<TokenId>,
    eos: Vec<TokenId>,
}

/// Builds the tokenizer of a model: from the tokenizer.json in its metadata where there is one, else from GGUF's
/// vocabulary (`gpt2`: byte-level BPE; `llama`: SentencePiece BPE).
pub fn load_tokenizer(source: &dyn TensorSource) -> Result<HfTokenizer, StoreError> {
    let metadata = source.metadata();
    if let Some(json) = metadata.str(keys::HUGGING_FACE) {
        let mut inner = Inner::from_bytes(json).map_err(|e| refuse(format!("tokenizer.json: {e}")))?;
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|e| refuse(e.to_string()))?;
        return HfTokenizer::new(inner, metadata, metadata.bool(keys::ADD_BOS).unwrap_or(false));
    }
    let model = metadata.str(keys::MODEL).ok_or_else(|| StoreError::missing(keys::MODEL))?;
    let (inner, add_bos) = match model {
        "gpt2" => byte_level::build(metadata)?,
        "llama" => (sentence_piece::build(metadata)?, true),
        other => {
            return Err(StoreError::Unsupported {
                what: format!("tokenizer model `{other}`"),
                instead: "gpt2, llama and files with tokenizer.huggingface.json are".into(),
            });
        }
    };
    HfTokenizer::new(inner, metadata, metadata.bool(keys::ADD_BOS).unwrap_or(add_bos))
}

fn refuse(reason: impl Into<String>) -> StoreError {
    StoreError::Tokenizer(reason.into())
}

impl HfTokenizer {
    fn new(mut inner: Inner, metadata: &Metadata, add_bos: bool) -> Result<Self, StoreError> {
        // Control tokens in text are found here and not by the crate, which can only be told so once for all texts.
        inner.set_encode_special_tokens(true);
        let top = inner.get_vocab(true).into_values().max().unwrap_or(0);
        let listed = metadata.get(keys::TOKENS).and_then(|v| v.as_strings()).map_or(0, <[_]>::len);
        let vocab_size = listed.max(top as usize + 1);
        let id = |key| control::id_in(metadata, key, vocab_size);
        let eos = control::end_tokens(&inner, metadata, vocab_size)?;
        let bos = if add_bos { id(keys::BOS)? } else { None };
        let control = ControlTokens::new(&inner, bos.iter().chain(&eos))?;
        Ok(Self { inner, control, vocab_size, bos, eos })
    }

    fn append(&self, text: &str, tokens: &mut Vec<TokenId>) -> Result<(), StoreError> {
        let encoding = self.inner.encode_fast(text, false).map_err(|e| refuse(e.to_string()))?;
        tokens.extend(encoding.get_ids());
        Ok(())
    }
}

impl Tokenizer for HfTokenizer {
    fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    fn encode(&self, text: &str, parse_special: bool) -> Result<Vec<TokenId>, PortError> {
        let mut tokens = Vec::new();
        if !parse_special {
            self.append(text, &mut tokens)?;
            return Ok(tokens);
        }
        let mut rest = 0;
        for (range, token) in self.control.find(text) {
            self.append(&text[rest..range.start], &mut tokens)?;
            tokens.push(token);
            rest = range.end;
        }
        self.append(&text[rest..], &mut tokens)?;
        Ok(tokens)
    }

    fn decode(&self, tokens: &[TokenId]) -> Result<String, PortError> {
        if let Some(outside) = tokens.iter().find(|&&t| t as usize >= self.vocab_size) {
            return Err(PortError::not_found("token", outside.to_string()));
        }
        let visible: Vec<TokenId> = tokens.iter().copied().filter(|&t| !self.control.contains(t)).collect();
        Ok(self.inner.decode(&visible, true).map_err(|e| refuse(e.to_string()))?)
    }

    fn bos(&self) -> Option<TokenId> {
        self.bos
    }

    fn eos(&self) -> &[TokenId] {
        &self.eos
    }

    fn token_id(&self, token: &str) -> Option<TokenId> {
        self.inner.token_to_id(token)
    }
}
