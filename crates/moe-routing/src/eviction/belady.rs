//! The bound that no policy passes.

use super::{EvictionPolicy, Moment, least_by};
use crate::{ExpertCopy, ModelSize};
use std::collections::VecDeque;

/// Evicts what is needed farthest in the future (Bélády 1966): an oracle for recorded uses. For copies of one size no
/// policy has fewer misses with the same uses; routing that minds memory may, because it changes the uses.
#[derive(Debug, Clone)]
pub struct Belady {
    size: ModelSize,
    /// Times at which each copy will be used.
    future: Vec<VecDeque<u64>>,
}

impl Belady {
    /// An oracle that knows every use, in order.
    pub fn new(size: ModelSize, uses: impl IntoIterator<Item = ExpertCopy>) -> Self {
        let mut future = vec![VecDeque::new(); size.copies()];
        for (time, copy) in uses.into_iter().enumerate() {
            future[size.slot(copy)].push_back(time as u64);
        }
        Self { size, future }
    }
}

impl EvictionPolicy for Belady {
    fn loaded(&mut self, _copy: ExpertCopy, _bytes: usize, _now: Moment) {}

    fn used(&mut self, copy: ExpertCopy, _now: Moment) {
        self.future[self.size.slot(copy)].pop_front();
    }

    fn victim(&mut self, candidates: &[ExpertCopy], _now: Moment) -> usize {
        least_by(candidates, |copy| {
            let next = self.future[self.size.slot(copy)].front().copied();
            std::cmp::Reverse(next.unwrap_or(u64::MAX))
        })
    }
}
