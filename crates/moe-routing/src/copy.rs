//! Copies of experts, and where they stand in tables.

use domain_types::{ExpertId, Grade};
use std::fmt;

/// One copy of one expert: what is loaded, pinned and evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExpertCopy {
    /// Which expert.
    pub id: ExpertId,
    /// Which of its copies.
    pub grade: Grade,
}

impl ExpertCopy {
    /// The copy that the model is meant to run with.
    pub const fn full(id: ExpertId) -> Self {
        Self { id, grade: Grade::Full }
    }

    /// The smaller stand-in.
    pub const fn low(id: ExpertId) -> Self {
        Self { id, grade: Grade::Low }
    }
}

impl fmt::Display for ExpertCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ExpertId { layer, expert } = self.id;
        let grade = if self.grade == Grade::Low { ", low copy" } else { "" };
        write!(f, "expert {expert} of layer {layer}{grade}")
    }
}

/// How many layers and experts a model has: numbers copies from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelSize {
    layers: usize,
    experts: usize,
}

impl ModelSize {
    /// A model of `layers` transformer blocks with up to `experts` each.
    pub const fn new(layers: usize, experts: usize) -> Self {
        Self { layers, experts }
    }

    /// Transformer blocks.
    pub const fn layers(&self) -> usize {
        self.layers
    }

    /// Experts per block.
    pub const fn experts(&self) -> usize {
        self.experts
    }

    /// Number of copies that there could be.
    pub(crate) const fn copies(&self) -> usize {
        self.layers * self.experts * 2
    }

    /// Whether there is such an expert.
    pub(crate) const fn contains(&self, id: ExpertId) -> bool {
        id.layer < self.layers && id.expert < self.experts
    }

    pub(crate) const fn slot(&self, copy: ExpertCopy) -> usize {
        copy.id.index(self.experts) * 2 + copy.grade as usize
    }

    pub(crate) const fn copy(&self, slot: usize) -> ExpertCopy {
        let id = ExpertId::new(slot / 2 / self.experts, slot / 2 % self.experts);
        if slot.is_multiple_of(2) { ExpertCopy::full(id) } else { ExpertCopy::low(id) }
    }

    /// Layers from the one being computed until `layer` is computed next: 1 for the one after it, all of them for
    /// itself.
    pub(crate) const fn layers_ahead(&self, now: usize, layer: usize) -> usize {
        if layer > now { layer - now } else { self.layers - now + layer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_and_copies_are_one_to_one() {
        let size = ModelSize::new(3, 5);
        for slot in 0..size.copies() {
            assert_eq!(size.slot(size.copy(slot)), slot);
        }
        assert_eq!((size.layers_ahead(1, 2), size.layers_ahead(1, 1), size.layers_ahead(1, 0)), (1, 3, 2));
    }
}
