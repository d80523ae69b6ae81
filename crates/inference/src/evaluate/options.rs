//! What is evaluated.

use crate::InferenceError;
use domain_types::{TokenId, TokenModel};
use std::ops::Range;

/// How an evaluation runs. The default is the protocol that llama.cpp's figures follow: chunks of 512 tokens, the
/// first 20 of them, no BOS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvalOptions {
    /// Tokens per chunk, at least 4.
    pub ctx: usize,
    /// Chunks at most; `None` for all whole chunks of the text.
    pub chunks: Option<usize>,
    /// Token that replaces the first of each chunk, where the model asks for one.
    pub bos: Option<TokenId>,
}

impl Default for EvalOptions {
    fn default() -> Self {
        Self { ctx: 512, chunks: Some(20), bos: None }
    }
}

impl EvalOptions {
    /// Positions of a chunk whose prediction is scored.
    pub(super) fn scored(&self) -> Range<usize> {
        self.ctx / 2..self.ctx - 1
    }

    /// Chunks that a text of this many tokens gives.
    pub(super) fn chunks_of(&self, tokens: usize) -> usize {
        self.chunks.unwrap_or(usize::MAX).min(tokens / self.ctx)
    }

    pub(super) fn check(
        &self,
        model: &dyn TokenModel,
        reference: Option<&dyn TokenModel>,
        tokens: usize,
    ) -> Result<(), InferenceError> {
        let fail = |what: String| Err(InferenceError::Evaluation(what));
        let Self { ctx, chunks, .. } = *self;
        if ctx < 4 || chunks == Some(0) {
            return fail(format!(
                "needs chunks of 4 tokens or more, and one chunk or more ({ctx} tokens asked)"
            ));
        }
        if tokens < ctx {
            return fail(format!(
                "the text has {tokens} tokens, less than one chunk of {ctx}: use a longer text or a shorter context"
            ));
        }
        for model in std::iter::once(model).chain(reference) {
            // The last token of a chunk is only predicted, never an input.
            if model.context_length() < ctx - 1 {
                let longest = model.context_length();
                return fail(format!(
                    "chunks of {ctx} tokens do not fit a context of {longest}: load with more"
                ));
            }
        }
        match reference.map(TokenModel::vocab_size) {
            Some(size) if size != model.vocab_size() => fail(format!(
                "the reference has a vocabulary of {size}, the model one of {}: they cannot be compared",
                model.vocab_size()
            )),
            _ => Ok(()),
        }
    }
}
