//! Least frequently used.

use super::{EvictionPolicy, Moment, least_by};
use crate::{ExpertCopy, ModelSize};

/// Evicts what was used least often since the start, whether or not it was resident then; the least recent of equals.
#[derive(Debug, Clone)]
pub struct Lfu {
    size: ModelSize,
    clock: u64,
    uses: Vec<(u64, u64)>,
}

impl Lfu {
    /// A policy for a model of this size.
    pub fn new(size: ModelSize) -> Self {
        Self { size, clock: 0, uses: vec![(0, 0); size.copies()] }
    }
}

impl EvictionPolicy for Lfu {
    fn loaded(&mut self, _copy: ExpertCopy, _bytes: usize, _now: Moment) {}

    fn used(&mut self, copy: ExpertCopy, _now: Moment) {
        self.clock += 1;
        let (count, last) = &mut self.uses[self.size.slot(copy)];
        (*count, *last) = (*count + 1, self.clock);
    }

    fn victim(&mut self, candidates: &[ExpertCopy], _now: Moment) -> usize {
        least_by(candidates, |copy| self.uses[self.size.slot(copy)])
    }
}
