//! Adaptive replacement.

use super::{EvictionPolicy, Moment, least_by};
use crate::{ExpertCopy, ModelSize};

/// Where ARC sees a copy: in memory after one use or several, or remembered after eviction from either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Nowhere,
    Once,
    Often,
    GhostOnce,
    GhostOften,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    list: List,
    last: u64,
    bytes: usize,
    /// Loaded, but not used yet: the use it was loaded for does not make it often used.
    fresh: bool,
}

/// ARC (Megiddo and Modha 2003): divides memory between what was used once and what was used often, and learns the
/// division from misses of what it has just evicted. Sizes are bytes here, where the paper counts pages.
#[derive(Debug, Clone)]
pub struct Arc {
    size: ModelSize,
    clock: u64,
    entries: Vec<Entry>,
    capacity: usize,
    /// p: bytes that copies used once should have.
    once_target: usize,
    /// Whether the copy that is wanted was evicted from the often used.
    wants_often: bool,
}

impl Arc {
    /// A policy for a model of this size.
    pub fn new(size: ModelSize) -> Self {
        let entry = Entry { list: List::Nowhere, last: 0, bytes: 0, fresh: false };
        let entries = vec![entry; size.copies()];
        Self { size, clock: 0, entries, capacity: 0, once_target: 0, wants_often: false }
    }

    fn bytes(&self, list: List) -> usize {
        self.entries.iter().filter(|e| e.list == list).map(|e| e.bytes).sum()
    }

    fn entry(&mut self, copy: ExpertCopy) -> &mut Entry {
        &mut self.entries[self.size.slot(copy)]
    }

    fn put(&mut self, copy: ExpertCopy, list: List) {
        self.clock += 1;
        let last = self.clock;
        let entry = self.entry(copy);
        (entry.list, entry.last) = (list, last);
    }

    /// Forgets the oldest ghosts: those used once have at most what memory leaves their list, all together at most as
    /// much as memory.
    fn trim(&mut self) {
        while self.bytes(List::Once) + self.bytes(List::GhostOnce) > self.capacity
            && self.forget(List::GhostOnce)
        {}
        while self.bytes(List::GhostOnce) + self.bytes(List::GhostOften) > self.capacity
            && (self.forget(List::GhostOften) || self.forget(List::GhostOnce))
        {}
    }

    fn forget(&mut self, ghosts: List) -> bool {
        let oldest = self.entries.iter_mut().filter(|e| e.list == ghosts).min_by_key(|e| e.last);
        oldest.map(|e| e.list = List::Nowhere).is_some()
    }
}

impl EvictionPolicy for Arc {
    fn resized(&mut self, bytes: usize) {
        self.capacity = bytes;
        self.once_target = self.once_target.min(bytes);
    }

    fn missed(&mut self, copy: ExpertCopy, bytes: usize) {
        let (once, often) = (self.bytes(List::GhostOnce), self.bytes(List::GhostOften));
        let step =
            |other: usize, own: usize| bytes.max((bytes as f64 * other as f64 / own.max(1) as f64) as usize);
        let list = self.entry(copy).list;
        match list {
            List::GhostOnce => self.once_target = (self.once_target + step(often, once)).min(self.capacity),
            List::GhostOften => self.once_target = self.once_target.saturating_sub(step(once, often)),
            List::Nowhere | List::Once | List::Often => {}
        }
        self.wants_often = list == List::GhostOften;
    }

    fn loaded(&mut self, copy: ExpertCopy, bytes: usize, _now: Moment) {
        let seen = matches!(self.entry(copy).list, List::GhostOnce | List::GhostOften);
        self.put(copy, if seen { List::Often } else { List::Once });
        let entry = self.entry(copy);
        (entry.bytes, entry.fresh) = (bytes, true);
        self.trim();
    }

    fn used(&mut self, copy: ExpertCopy, _now: Moment) {
        let entry = self.entry(copy);
        if std::mem::take(&mut entry.fresh) {
            let list = entry.list;
            self.put(copy, list);
        } else {
            self.put(copy, List::Often);
        }
    }

    fn evicted(&mut self, copy: ExpertCopy) {
        let ghost = if self.entry(copy).list == List::Often { List::GhostOften } else { List::GhostOnce };
        // Ghosts are trimmed after the load that this makes room for: what is to be loaded may be one.
        self.entry(copy).list = ghost;
    }

    fn victim(&mut self, candidates: &[ExpertCopy], _now: Moment) -> usize {
        let once = self.bytes(List::Once);
        let from_once = once > self.once_target || (self.wants_often && once == self.once_target);
        let first = if from_once { List::Once } else { List::Often };
        // Where all of the list that should give way is pinned, the other one does.
        least_by(candidates, |copy| {
            let entry = &self.entries[self.size.slot(copy)];
            (entry.list != first, entry.last)
        })
    }
}
