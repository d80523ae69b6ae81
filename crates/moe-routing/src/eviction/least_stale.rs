//! Least-Stale.

use super::{EvictionPolicy, Moment, least_by};
use crate::{ExpertCopy, ModelSize};

/// Evicts stale copies first: those not used or loaded in this pass, and of them those whose layer has already had its
/// turn, oldest first. Of the current ones the first layers' go first, because they are wanted again only in the next
/// pass.
///
/// After SpecMD (Hoang et al. 2026, arXiv 2602.03921), which found that experts do not follow the locality LRU and LFU
/// assume; the order among stale copies is ours.
#[derive(Debug, Clone)]
pub struct LeastStale {
    size: ModelSize,
    last: Vec<u64>,
}

impl LeastStale {
    /// A policy for a model of this size.
    pub fn new(size: ModelSize) -> Self {
        Self { size, last: vec![0; size.copies()] }
    }
}

impl EvictionPolicy for LeastStale {
    fn loaded(&mut self, copy: ExpertCopy, _bytes: usize, now: Moment) {
        self.last[self.size.slot(copy)] = now.pass;
    }

    fn used(&mut self, copy: ExpertCopy, now: Moment) {
        self.last[self.size.slot(copy)] = now.pass;
    }

    fn victim(&mut self, candidates: &[ExpertCopy], now: Moment) -> usize {
        least_by(candidates, |copy| {
            let last = self.last[self.size.slot(copy)];
            let (current, to_come) = (last >= now.pass, copy.id.layer > now.layer);
            let ahead = self.size.layers_ahead(now.layer, copy.id.layer);
            (current, to_come, last, std::cmp::Reverse(ahead))
        })
    }
}
