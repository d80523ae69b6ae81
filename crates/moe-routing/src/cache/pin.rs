//! An expert that cannot be evicted.

use super::ExpertCache;
use crate::ExpertCopy;
use crate::sync::thread::ThreadId;
use domain_types::{Bytes, Linear, PinnedExpert};
use std::sync::Arc;

/// The matrices of an expert.
pub(super) struct Weights {
    /// Gate, up and down.
    pub(super) parts: [Box<dyn Linear>; 3],
    /// What they were made from, and its reservation: the expert counts even where a codec made a copy.
    pub(super) bytes: Bytes,
}

/// A resident copy: it stays until this is dropped.
#[must_use = "a pin that is dropped at once protects nothing"]
pub struct Pin<'a> {
    cache: &'a ExpertCache,
    copy: ExpertCopy,
    owner: ThreadId,
    /// Nothing only while it is being dropped.
    weights: Option<Arc<Weights>>,
}

impl<'a> Pin<'a> {
    pub(super) fn new(
        cache: &'a ExpertCache,
        copy: ExpertCopy,
        owner: ThreadId,
        weights: Arc<Weights>,
    ) -> Self {
        Self { cache, copy, owner, weights: Some(weights) }
    }

    /// Which copy it is.
    pub fn copy(&self) -> ExpertCopy {
        self.copy
    }

    fn part(&self, index: usize) -> &dyn Linear {
        let weights = self.weights.as_ref().expect("present until dropped");
        &*weights.parts[index]
    }
}

impl PinnedExpert for Pin<'_> {
    fn gate(&self) -> &dyn Linear {
        self.part(0)
    }

    fn up(&self) -> &dyn Linear {
        self.part(1)
    }

    fn down(&self) -> &dyn Linear {
        self.part(2)
    }
}

impl Drop for Pin<'_> {
    fn drop(&mut self) {
        // First the handle, then the pin: when a copy counts as evictable, evicting it must free its memory.
        self.weights = None;
        self.cache.unpin(self.copy, self.owner);
    }
}
