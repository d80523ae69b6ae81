//! Tokenizers from what a model file says.

mod byte_level;
mod control;
#[cfg(feature = "regex")]
mod hugging_face;
mod merging;
mod named;
mod sentence_piece;
mod vocabulary;
#[cfg(feature = "regex")]
mod words;

use crate::{StoreError, keys};
use control::ControlTokens;
use domain_types::{CompilePattern, Metadata, PortError, TensorSource, TokenId, Tokenizer};
use named::Name;
use std::fmt;

/// A tokenizer with the control tokens kept apart: text of users can never become one.
#[derive(Debug)]
pub struct ModelTokenizer {
    pipeline: Box<dyn Pipeline>,
    control: ControlTokens,
    vocab_size: usize,
    bos: Option<TokenId>,
    eos: Vec<TokenId>,
}

/// Plain text to tokens and back, without control tokens.
trait Pipeline: fmt::Debug + Send + Sync {
    /// Appends the tokens of a piece of text; what looks like a control token is text. `at_start` says whether the piece
    /// starts the text.
    fn encode(&self, text: &str, at_start: bool, tokens: &mut Vec<TokenId>) -> Result<(), StoreError>;
    fn decode(&self, tokens: &[TokenId]) -> Result<String, StoreError>;
    fn token_id(&self, token: &str) -> Option<TokenId>;
    fn token(&self, id: TokenId) -> Option<String>;
    /// Ids are below it.
    fn end(&self) -> usize;
    /// Tokens that the vocabulary has as special.
    fn special(&self) -> Vec<Name>;
}

/// Builds the tokenizer of a model: from the tokenizer.json in its metadata where there is one, else from GGUF's
/// vocabulary (`gpt2`: byte-level BPE; `llama`: SentencePiece BPE).
#[cfg(feature = "regex")]
pub fn load_tokenizer(source: &dyn TensorSource) -> Result<ModelTokenizer, StoreError> {
    let metadata = source.metadata();
    match metadata.str(keys::HUGGING_FACE) {
        Some(json) => ModelTokenizer::new(Box::new(hugging_face::build(json)?), metadata, false),
        None => tokenizer_with(source, &words::compile),
    }
}

/// Builds the tokenizer of a model from GGUF's vocabulary, with patterns of the caller's: for programs where another
/// engine of regular expressions is at hand. Fails where only a tokenizer.json says how words are cut.
pub fn tokenizer_with(
    source: &dyn TensorSource,
    compile: CompilePattern<'_>,
) -> Result<ModelTokenizer, StoreError> {
    let metadata = source.metadata();
    let none = "the model has none: a Hugging Face folder has it in tokenizer.json, a GGUF file under tokenizer.ggml.model";
    let model = metadata.str(keys::MODEL).ok_or_else(|| refuse(none))?;
    match model {
        "gpt2" => {
            let (pipeline, add_bos) = byte_level::build(metadata, compile)?;
            ModelTokenizer::new(Box::new(pipeline), metadata, add_bos)
        }
        "llama" => ModelTokenizer::new(Box::new(sentence_piece::build(metadata)?), metadata, true),
        other => Err(StoreError::Unsupported {
            what: format!("tokenizer model `{other}`"),
            instead: "gpt2, llama and files with tokenizer.huggingface.json are".into(),
        }),
    }
}

/// A truth value, which some converters write as a number.
fn truth(metadata: &Metadata, key: &'static str) -> Result<Option<bool>, StoreError> {
    let Some(value) = metadata.get(key) else { return Ok(None) };
    match (value.as_bool(), value.as_u64(), value.as_str()) {
        (Some(truth), ..) => Ok(Some(truth)),
        (_, Some(0), _) | (_, _, Some("false" | "False")) => Ok(Some(false)),
        (_, Some(1), _) | (_, _, Some("true" | "True")) => Ok(Some(true)),
        _ => Err(StoreError::Metadata { key: key.into(), problem: "is neither true nor false".into() }),
    }
}

fn refuse(reason: impl Into<String>) -> StoreError {
    StoreError::Tokenizer(reason.into())
}

impl ModelTokenizer {
    /// `add_bos`: whether a text starts with BOS where the file does not say.
    fn new(pipeline: Box<dyn Pipeline>, metadata: &Metadata, add_bos: bool) -> Result<Self, StoreError> {
        let listed = metadata.get(keys::TOKENS).and_then(|v| v.as_strings()).map_or(0, <[_]>::len);
        let vocab_size = listed.max(pipeline.end());
        keys::refuse_unknown(metadata)?;
        let eos = control::end_tokens(&*pipeline, metadata, vocab_size);
        let add_bos = truth(metadata, keys::ADD_BOS)?.unwrap_or(add_bos);
        let bos = if add_bos { control::bos(metadata, vocab_size)? } else { None };
        let control = ControlTokens::new(&*pipeline, bos.iter().chain(&eos))?;
        Ok(Self { pipeline, control, vocab_size, bos, eos })
    }
}

impl Tokenizer for ModelTokenizer {
    fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    fn encode(&self, text: &str, parse_special: bool) -> Result<Vec<TokenId>, PortError> {
        let mut tokens = Vec::new();
        if parse_special {
            self.control.encode(&*self.pipeline, text, &mut tokens)?;
        } else {
            self.pipeline.encode(text, true, &mut tokens)?;
        }
        Ok(tokens)
    }

    fn decode(&self, tokens: &[TokenId]) -> Result<String, PortError> {
        if let Some(outside) = tokens.iter().find(|&&t| t as usize >= self.vocab_size) {
            return Err(PortError::not_found("token", outside.to_string()));
        }
        let visible: Vec<TokenId> = tokens.iter().copied().filter(|&t| !self.control.contains(t)).collect();
        Ok(self.pipeline.decode(&visible)?)
    }

    fn bos(&self) -> Option<TokenId> {
        self.bos
    }

    fn eos(&self) -> &[TokenId] {
        &self.eos
    }

    fn token_id(&self, token: &str) -> Option<TokenId> {
        self.pipeline.token_id(token)
    }
}
