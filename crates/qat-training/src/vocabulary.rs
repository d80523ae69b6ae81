//! The tokenizer: byte-level BPE trained on the corpus (Sennrich et al. 2016, arXiv 1508.07909; bytes as in GPT-2).

#[cfg(test)]
mod tests;

use crate::TrainError;
use crate::corpus::{Corpus, Split};
use domain_types::{MetaArray, MetaValue, Metadata, PortError, TokenId};
use std::collections::HashSet;
use tokenizers::decoders::byte_level::ByteLevel;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::{AddedToken, Tokenizer};

/// Ends a text.
const END_OF_TEXT: &str = "<|endoftext|>";
/// Control tokens, which get the first ids.
const CONTROL: [&str; 3] = [END_OF_TEXT, "<|im_start|>", "<|im_end|>"];
/// GGUF's token types.
const NORMAL_TYPE: i32 = 1;
const CONTROL_TYPE: i32 = 3;
/// Samples that the merges are learnt from.
const TRAINING_SAMPLES: usize = 20_000;
/// A user's turn is a prompt, an assistant's turn its answer: the layout that the model is trained on.
const CHAT_TEMPLATE: &str = "{{ bos_token }}{% for message in messages %}{{ message['content'] }}\
    {% if message['role'] == 'assistant' %}<|endoftext|>{% else %}{{ '\\n' }}{% endif %}{% endfor %}";

/// A trained vocabulary.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    tokenizer: Tokenizer,
    tokens: Vec<String>,
    merges: Vec<String>,
}

impl Vocabulary {
    /// Learns `size` tokens (256 bytes and 3 control tokens included) from a corpus. Deterministic.
    pub fn train(corpus: &Corpus, size: usize) -> Result<Self, TrainError> {
        let failed = |e: tokenizers::Error| TrainError::Tokenizer(e.to_string());
        let control: Vec<AddedToken> = CONTROL.iter().map(|t| AddedToken::from(*t, true)).collect();
        let mut trainer: TrainerWrapper = BpeTrainerBuilder::new()
            .vocab_size(size)
            .show_progress(false)
            .special_tokens(control.clone())
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect::<HashSet<char>>())
            .build()
            .into();
        let mut tokenizer = Tokenizer::new(BPE::default());
        let pieces = vec![Digits::new(true).into(), ByteLevel::new(false, true, true).into()];
        tokenizer.with_pre_tokenizer(Some(Sequence::new(pieces)));
        tokenizer.with_decoder(Some(ByteLevel::default()));
        let texts: Vec<String> =
            corpus.mixed(Split::Train).take(TRAINING_SAMPLES).map(|sample| sample.text()).collect();
        tokenizer.train(&mut trainer, texts.into_iter()).map_err(failed)?;
        tokenizer.add_special_tokens(control).map_err(failed)?;
        Self::from_tokenizer(tokenizer)
    }

    fn from_tokenizer(tokenizer: Tokenizer) -> Result<Self, TrainError> {
        let unreadable = |what: &str| TrainError::Tokenizer(format!("the trained model has no {what}"));
        let json =
            serde_json::to_value(tokenizer.get_model()).map_err(|e| TrainError::Tokenizer(e.to_string()))?;
        let pairs = json["merges"].as_array().ok_or_else(|| unreadable("merges"))?;
        let merge = |pair: &serde_json::Value| Some(format!("{} {}", pair[0].as_str()?, pair[1].as_str()?));
        let merges = pairs.iter().map(merge).collect::<Option<_>>().ok_or_else(|| unreadable("merges"))?;
        let token = |id| tokenizer.id_to_token(id).ok_or_else(|| unreadable("contiguous ids"));
        let tokens = (0..tokenizer.get_vocab_size(true) as u32).map(token).collect::<Result<_, _>>()?;
        Ok(Self { tokenizer, tokens, merges })
    }

    /// Number of tokens.
    pub fn size(&self) -> usize {
        self.tokens.len()
    }

    /// The token that ends a text.
    pub const fn end_of_text(&self) -> TokenId {
        0
    }

    /// Tokens of a text. Names of control tokens in it become those tokens; nothing is added at either end.
    pub fn encode(&self, text: &str) -> Result<Vec<TokenId>, TrainError> {
        let encoding =
            self.tokenizer.encode_fast(text, false).map_err(|e| TrainError::Tokenizer(e.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Text of tokens; control tokens are left out.
    pub fn decode(&self, tokens: &[TokenId]) -> Result<String, TrainError> {
        self.tokenizer.decode(tokens, true).map_err(|e| TrainError::Tokenizer(e.to_string()))
    }

    /// The entries from which GGUF readers build the tokenizer (`tokenizer.*`).
    pub fn metadata(&self) -> Metadata {
        let mut entries = Metadata::new();
        let kind =
            |token: &String| if CONTROL.contains(&token.as_str()) { CONTROL_TYPE } else { NORMAL_TYPE };
        let kinds = self.tokens.iter().map(kind).collect();
        entries.set("tokenizer.ggml.model", "gpt2");
        entries.set("tokenizer.ggml.pre", "smollm");
        entries.set("tokenizer.ggml.tokens", self.tokens.clone());
        entries.set("tokenizer.ggml.token_type", MetaValue::Array(MetaArray::I32(kinds)));
        entries.set("tokenizer.ggml.merges", self.merges.clone());
        entries.set("tokenizer.ggml.bos_token_id", self.end_of_text());
        entries.set("tokenizer.ggml.eos_token_id", self.end_of_text());
        // Training rows start with the end of the text before.
        entries.set("tokenizer.ggml.add_bos_token", true);
        entries.set("tokenizer.chat_template", CHAT_TEMPLATE);
        entries
    }
}

impl domain_types::Tokenizer for Vocabulary {
    fn vocab_size(&self) -> usize {
        self.size()
    }

    fn encode(&self, text: &str, _parse_special: bool) -> Result<Vec<TokenId>, PortError> {
        Ok(Self::encode(self, text)?)
    }

    fn decode(&self, tokens: &[TokenId]) -> Result<String, PortError> {
        Ok(Self::decode(self, tokens)?)
    }

    fn bos(&self) -> Option<TokenId> {
        Some(self.end_of_text())
    }

    fn eos(&self) -> &[TokenId] {
        &[0]
    }

    fn token_id(&self, token: &str) -> Option<TokenId> {
        self.tokenizer.token_to_id(token)
    }
}
