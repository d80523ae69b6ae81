//! Rows of a text.

use crate::random::Rng;
use domain_types::TokenId;

/// An endless stream of rows. Every part of the text comes once before any comes again, then with other borders.
pub(crate) struct TextRows {
    tokens: Vec<TokenId>,
    rng: Rng,
    /// Where the rows of this round start that are still to come.
    starts: Vec<usize>,
}

impl TextRows {
    pub(super) fn new(tokens: &[TokenId], rng: Rng) -> Self {
        Self { tokens: tokens.to_vec(), rng, starts: Vec::new() }
    }

    /// `length` inputs and the target of the last. The text must have more tokens than that length.
    pub(super) fn next(&mut self, length: usize) -> &[TokenId] {
        assert!(length > 0 && self.tokens.len() > length, "the text is shorter than a row");
        if self.starts.is_empty() {
            self.starts = self.round(length);
        }
        let start = self.starts.pop().expect("a text has at least one row");
        &self.tokens[start..][..=length]
    }

    /// Rows beside each other from a random offset, in random order.
    fn round(&mut self, length: usize) -> Vec<usize> {
        let spare = (self.tokens.len() - 1 - length).min(length - 1);
        let offset = self.rng.range(0, spare as u32) as usize;
        let starts: Vec<_> = (offset..self.tokens.len() - length).step_by(length).collect();
        self.rng.pick_some(&starts, starts.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(tokens: TokenId, length: usize, count: usize) -> Vec<Vec<TokenId>> {
        let tokens: Vec<_> = (0..tokens).collect();
        let mut rows = TextRows::new(&tokens, Rng::new(&[1]));
        (0..count).map(|_| rows.next(length).to_vec()).collect()
    }

    #[test]
    fn no_part_comes_twice_before_all_came() {
        let first = rows(1000, 16, 61);
        let mut inputs: Vec<_> = first.iter().flat_map(|row| row[..16].to_vec()).collect();
        inputs.sort_unstable();
        inputs.dedup();
        assert_eq!(inputs.len(), 61 * 16);
        assert!(first.windows(2).any(|pair| pair[0] > pair[1]), "rows are shuffled");
    }

    #[test]
    fn rounds_have_other_borders() {
        let two = rows(1000, 16, 124);
        assert_ne!(two[0][0] % 16, two[123][0] % 16);
    }

    #[test]
    fn the_shortest_text_is_a_row() {
        assert!(rows(17, 16, 3).iter().all(|row| row.len() == 17 && row[0] == 0));
    }
}
