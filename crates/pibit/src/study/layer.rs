//! The matrices that are quantized together, and how their attention is probed.

use super::attention::AttentionProbe;
use domain_types::Shape;

/// A matrix of weights.
pub(crate) struct Matrix {
    pub(super) shape: Shape,
    pub(super) weights: Vec<f32>,
}

/// The matrices of a layer.
pub(crate) struct Layer {
    pub(super) matrices: Vec<Matrix>,
    /// Absent where the layer has no projections of queries and keys of their own.
    pub(super) attention: Option<Attention>,
}

/// Which matrices project queries and keys.
pub(crate) struct Attention {
    pub(super) query: usize,
    pub(super) key: usize,
    pub(super) probe: AttentionProbe,
}

impl Layer {
    pub(super) fn weights(&self) -> usize {
        self.matrices.iter().map(|m| m.weights.len()).sum()
    }
}
