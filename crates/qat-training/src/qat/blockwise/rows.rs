//! The rows of tokens that every block is trained on, and in which order.

use crate::TrainError;
use crate::qat::QatRun;
use crate::qat::data::Stream;
use crate::random::Rng;
use domain_types::TokenId;

/// As many rows as the settings say.
pub(super) fn of_run(run: &QatRun<'_>) -> Result<Vec<Vec<TokenId>>, TrainError> {
    let schedule = &run.config.qat;
    let mut stream = Stream::new(run.data, schedule, run.tokenizer)?;
    Ok(stream.next(run.config.blockwise.rows, schedule.row_length)?.inputs)
}

/// An endless shuffle: every row once, then every row once again in another order.
pub(super) struct Order {
    rows: usize,
    left: Vec<usize>,
    rng: Rng,
}

impl Order {
    pub(super) fn new(rows: usize, seed: u64, block: usize) -> Self {
        Self { rows, left: Vec::new(), rng: Rng::new(&[seed, 0x626c_6f63_6b00, block as u64]) }
    }

    /// The next `count` rows.
    pub(super) fn next(&mut self, count: usize) -> Vec<usize> {
        let mut chosen = Vec::with_capacity(count);
        while chosen.len() < count {
            if self.left.is_empty() {
                let all: Vec<usize> = (0..self.rows).collect();
                self.left = self.rng.pick_some(&all, self.rows);
            }
            chosen.extend(self.left.pop());
        }
        chosen
    }
}
