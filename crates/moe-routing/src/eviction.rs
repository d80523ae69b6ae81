//! Which expert leaves when memory is needed.
//!
//! A policy sees what happens to the cache and, when asked, points at one of the candidates. It need not know of pins
//! and bytes: the cache offers only what may go, and asks again until there is room. Experts take megabytes to load, so
//! a look at every resident costs nothing in comparison, and no policy keeps lists.

mod affinity;
mod arc;
mod belady;
mod kind;
mod least_stale;
mod lfu;
mod lru;
#[cfg(test)]
mod tests;

pub use affinity::Affinity;
pub use arc::Arc;
pub use belady::Belady;
pub use kind::PolicyKind;
pub use least_stale::LeastStale;
pub use lfu::Lfu;
pub use lru::Lru;

use crate::ExpertCopy;

/// Where the model is: which pass through its layers, and in which layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment {
    /// Passes so far; decoding makes one per token.
    pub pass: u64,
    /// Layer being computed.
    pub layer: usize,
}

/// Decides which resident copy is evicted. Deterministic: the same calls give the same victims.
pub trait EvictionPolicy: Send {
    /// The memory to be filled is so many bytes, now and until the next call.
    fn resized(&mut self, bytes: usize) {
        let _ = bytes;
    }

    /// A copy is needed and not there; victims will be asked for next.
    fn missed(&mut self, copy: ExpertCopy, bytes: usize) {
        let _ = (copy, bytes);
    }

    /// A copy has been loaded.
    fn loaded(&mut self, copy: ExpertCopy, bytes: usize, now: Moment);

    /// A resident copy is used: a hit, or what it was just loaded for.
    fn used(&mut self, copy: ExpertCopy, now: Moment);

    /// A copy has been evicted.
    fn evicted(&mut self, copy: ExpertCopy) {
        let _ = copy;
    }

    /// Index of the one of `candidates` (not empty, in the order of layers and experts) that goes.
    fn victim(&mut self, candidates: &[ExpertCopy], now: Moment) -> usize;
}

/// Index of the first candidate with the least key.
fn least_by<K: PartialOrd>(candidates: &[ExpertCopy], key: impl Fn(ExpertCopy) -> K) -> usize {
    let mut least = (0, key(candidates[0]));
    for (i, &copy) in candidates.iter().enumerate().skip(1) {
        let key = key(copy);
        if key < least.1 {
            least = (i, key);
        }
    }
    least.0
}
