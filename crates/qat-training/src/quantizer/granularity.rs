//! How many weights share a learned step.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Which weights share a learned step. Files store a step per block; a coarser step is written to each of its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Granularity {
    /// All weights of a matrix.
    Tensor,
    /// The weights of an output channel: a row.
    Channel,
    /// So many neighbouring blocks of a row.
    Group(usize),
    /// A block of the format.
    #[default]
    Block,
}

/// Where the steps of a matrix lie: which weights each of them scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StepLayout {
    rows: usize,
    row_len: usize,
    /// Weights of a row that share a step; the last run of a row may be shorter.
    run: usize,
    /// Whether all rows share their steps.
    one: bool,
}

impl StepLayout {
    pub(crate) fn new(granularity: Granularity, [rows, row_len]: [usize; 2], block_len: usize) -> Self {
        let run = match granularity {
            Granularity::Tensor | Granularity::Channel => row_len,
            Granularity::Group(blocks) => blocks.max(1).saturating_mul(block_len).min(row_len),
            Granularity::Block => block_len.min(row_len),
        };
        Self { rows, row_len, run, one: granularity == Granularity::Tensor }
    }

    /// Shape of the tensor of steps.
    pub(crate) fn dims(self) -> [usize; 2] {
        if self.one { [1, 1] } else { [self.rows, self.row_len.div_ceil(self.run)] }
    }

    /// Weights that share a step, for a whole run.
    pub(crate) fn sharing(self) -> usize {
        if self.one { self.rows * self.row_len } else { self.run }
    }

    /// Index of a step and the weights that it scales, in the order of the weights.
    pub(crate) fn runs(self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let per_row = self.row_len.div_ceil(self.run);
        (0..self.rows * per_row).map(move |index| {
            let (row, run) = (index / per_row, index % per_row);
            let start = row * self.row_len + run * self.run;
            let end = (start + self.run).min((row + 1) * self.row_len);
            (if self.one { 0 } else { index }, start..end)
        })
    }
}
