//! Rows of the embedding that are kept apart, see [`FrequentTokens`].

use super::project::project;
use domain_types::{FrequentTokens, Linear, TokenId};

/// Rows of frequent tokens, in more bits than the rest.
pub(super) struct FrequentRows {
    pub(super) tokens: FrequentTokens,
    pub(super) rows: Box<dyn Linear>,
}

impl FrequentRows {
    /// Reads a token's row; whether it is one of these.
    pub(super) fn look_up(&self, token: TokenId, row: &mut [f32]) -> bool {
        let Some(index) = self.tokens.row_of(token) else { return false };
        self.rows.row(index, row);
        true
    }

    /// Room for what [`replace`](Self::replace) computes for one row of logits.
    pub(super) fn room(&self) -> usize {
        self.rows.out_features()
    }

    /// Replaces the logits of these tokens in `count` rows of `logits`, for as many rows of `normed`. `room` is `count`
    /// times [`room`](Self::room) numbers to work in.
    pub(super) fn replace(&self, normed: &[f32], count: usize, room: &mut [f32], logits: &mut [f32]) {
        project(&*self.rows, normed, count, room);
        let rows = logits.chunks_exact_mut(logits.len() / count).zip(room.chunks_exact(self.room()));
        for (logits, of_these) in rows {
            for (&token, logit) in self.tokens.tokens().iter().zip(of_these) {
                logits[token as usize] = *logit;
            }
        }
    }
}
