//! Least recently used.

use super::{EvictionPolicy, Moment, least_by};
use crate::{ExpertCopy, ModelSize};

/// Evicts what was used longest ago.
#[derive(Debug, Clone)]
pub struct Lru {
    size: ModelSize,
    clock: u64,
    last: Vec<u64>,
}

impl Lru {
    /// A policy for a model of this size.
    pub fn new(size: ModelSize) -> Self {
        Self { size, clock: 0, last: vec![0; size.copies()] }
    }

    fn touch(&mut self, copy: ExpertCopy) {
        self.clock += 1;
        self.last[self.size.slot(copy)] = self.clock;
    }
}

impl EvictionPolicy for Lru {
    fn loaded(&mut self, copy: ExpertCopy, _bytes: usize, _now: Moment) {
        self.touch(copy);
    }

    fn used(&mut self, copy: ExpertCopy, _now: Moment) {
        self.touch(copy);
    }

    fn victim(&mut self, candidates: &[ExpertCopy], _now: Moment) -> usize {
        least_by(candidates, |copy| self.last[self.size.slot(copy)])
    }
}
