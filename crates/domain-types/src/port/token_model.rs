//! A language model as a function from tokens to logits.

use crate::{PortError, TokenId};
use alloc::vec::Vec;

/// Which positions of a call want logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogitRows {
    /// None: fill the cache only.
    None,
    /// The last token: decoding.
    Last,
    /// Every token from this index of the call on: evaluation.
    From(usize),
}

impl LogitRows {
    /// Indices of the call that want logits.
    pub fn range(self, tokens: usize) -> core::ops::Range<usize> {
        match self {
            Self::None => tokens..tokens,
            Self::Last => tokens.saturating_sub(1)..tokens,
            Self::From(first) => first.min(tokens)..tokens,
        }
    }
}

/// A model with a key–value cache.
pub trait TokenModel: Send {
    /// Number of logits per position.
    fn vocab_size(&self) -> usize;

    /// Positions that the cache can hold.
    fn context_length(&self) -> usize;

    /// Positions in the cache now.
    fn position(&self) -> usize;

    /// Empties the cache.
    fn reset(&mut self);

    /// Appends `tokens` to the cache and writes logits of the wanted rows to `logits` (cleared first;
    /// `rows × vocab_size`). Fails, leaving the cache as it was, where a token is outside the vocabulary or the
    /// cache is too small.
    ///
    /// Splitting a sequence over several calls gives the same logits up to rounding.
    fn forward(
        &mut self,
        tokens: &[TokenId],
        rows: LogitRows,
        logits: &mut Vec<f32>,
    ) -> Result<(), PortError>;
}
