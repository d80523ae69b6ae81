//! Words of mixtures of experts: which expert, how gates choose, how an expert lies in memory.

mod gating;
mod layout;
mod tensors;

pub use gating::{GateNorm, Gating};
pub use layout::{ExpertLayout, ExpertPart};
pub use tensors::{ExpertMatrix, ExpertTensor};

/// One expert of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ExpertId {
    /// Transformer block, from 0.
    pub layer: usize,
    /// Expert within the block, from 0.
    pub expert: usize,
}

impl ExpertId {
    /// Expert `expert` of block `layer`.
    pub const fn new(layer: usize, expert: usize) -> Self {
        Self { layer, expert }
    }

    /// Its number in a model of `experts` per layer: what events call `expert_id`.
    pub const fn index(self, experts: usize) -> usize {
        self.layer * experts + self.expert
    }
}

/// An expert that a router chose for a token.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ExpertChoice {
    /// Expert within the layer.
    pub expert: usize,
    /// What its output is multiplied by.
    pub weight: f32,
    /// Share of the chosen experts' weight that lies with those ranked before this one: 0 for the first, and the
    /// nearer to 1, the less this expert matters (HOBBIT, arXiv 2411.01433, calls it unimportance).
    pub before: f32,
}

/// Which copy of an expert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum Grade {
    /// The one that the model is meant to run with.
    Full,
    /// A smaller stand-in of lower precision, for tokens that hardly weigh the expert.
    Low,
}
