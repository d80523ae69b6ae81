//! Chat templates: from messages to the text that a model was trained on.

#[cfg(feature = "chat")]
mod dialect;
#[cfg(feature = "chat")]
mod named;
#[cfg(feature = "chat")]
mod python_json;
#[cfg(feature = "chat")]
mod template;

#[cfg(feature = "chat")]
pub use template::{ChatMessage, ChatTemplate};

use crate::InferenceError;
use domain_types::Metadata;

const TEMPLATE_KEY: &str = "tokenizer.chat_template";

/// A chat template as a model's file has it: Jinja in the dialect of Hugging Face, and what it is rendered with besides
/// messages. For programs that have an engine for such templates; without one, `ChatTemplate` (feature `chat`) renders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatSource {
    /// The template.
    pub template: String,
    /// The text of the token that starts a sequence, empty for none.
    pub bos: String,
    /// The text of the token that ends a sequence, empty for none.
    pub eos: String,
}

impl ChatSource {
    /// The template in a model's metadata; [`InferenceError::NoChatTemplate`] where it has none.
    pub fn from_metadata(metadata: &Metadata) -> Result<Self, InferenceError> {
        let template = metadata.str(TEMPLATE_KEY).ok_or(InferenceError::NoChatTemplate)?.to_owned();
        let token = |which: &str| special_token(metadata, which).unwrap_or_default();
        Ok(Self { template, bos: token("bos"), eos: token("eos") })
    }
}

/// Vocabulary text of the metadata's `bos` or `eos` token.
fn special_token(metadata: &Metadata, which: &str) -> Option<String> {
    let id = metadata.u64(&format!("tokenizer.ggml.{which}_token_id"))?;
    let tokens = metadata.get("tokenizer.ggml.tokens")?.as_strings()?;
    tokens.get(usize::try_from(id).ok()?).cloned()
}
