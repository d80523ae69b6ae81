//! From a prompt to text.

mod text_stream;

use crate::{InferenceError, Sampler};
use domain_types::{LogitRows, TokenId, TokenModel, Tokenizer};
use std::ops::ControlFlow;
use text_stream::TextStream;

/// When generation stops.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GenerateOptions {
    /// Most tokens to generate.
    pub max_tokens: usize,
    /// Tokens that end generation, besides the tokenizer's own.
    pub stop: Vec<TokenId>,
}

/// What was generated.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Generation {
    /// The tokens, without the one that ended generation.
    pub tokens: Vec<TokenId>,
    /// Their text.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
}

/// Why generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finish {
    /// A token that ends generation was drawn.
    Stop,
    /// As many tokens as allowed.
    MaxTokens,
    /// The key–value cache is full.
    ContextFull,
    /// The caller asked to stop.
    Cancelled,
}

/// Appends `prompt` to what is in the model's cache and draws tokens until something ends it.
///
/// `on_text` gets the text as it grows: whole characters only, bytes of an unfinished one are held back. The last
/// token drawn is not in the cache afterwards.
///
/// Fails where the prompt is empty or does not fit the cache (which is then as before), or no logit is finite.
pub fn generate(
    model: &mut dyn TokenModel,
    tokenizer: &dyn Tokenizer,
    prompt: &[TokenId],
    sampler: &mut Sampler,
    options: &GenerateOptions,
    on_text: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<Generation, InferenceError> {
    if prompt.is_empty() {
        return Err(InferenceError::EmptyPrompt);
    }
    let mut logits = Vec::new();
    let mut stream = TextStream::new(tokenizer);
    model.forward(prompt, LogitRows::Last, &mut logits)?;
    let finish = loop {
        if stream.tokens().len() >= options.max_tokens {
            break Finish::MaxTokens;
        }
        // Rows of the embedding that pad it are no tokens.
        let tokens = tokenizer.vocab_size().min(logits.len());
        let token = sampler.sample(&logits[..tokens])?;
        if tokenizer.eos().contains(&token) || options.stop.contains(&token) {
            break Finish::Stop;
        }
        let text = stream.push(token)?;
        if !text.is_empty() && on_text(text).is_break() {
            break Finish::Cancelled;
        }
        if stream.tokens().len() >= options.max_tokens {
            break Finish::MaxTokens;
        }
        if model.position() >= model.context_length() {
            break Finish::ContextFull;
        }
        model.forward(&[token], LogitRows::Last, &mut logits)?;
    };
    let rest = stream.flush()?;
    if !rest.is_empty() && finish != Finish::Cancelled {
        // The end is reached: whether the caller wants more makes no difference.
        let _ = on_text(rest);
    }
    let (tokens, text) = stream.finish();
    Ok(Generation { tokens, text, finish })
}
