//! The basis that a model is quantized in.

use super::RotatedSource;
use anyhow::Result;
use domain_types::{Hessian, TensorSource};

/// A model in the basis that it will be stored in.
pub(crate) enum Basis<'a> {
    /// As it is.
    Original(Box<dyn TensorSource + 'a>),
    /// Rotated.
    Rotated(Box<RotatedSource<'a>>),
}

impl Basis<'_> {
    /// The model in this basis.
    pub(crate) fn source(&self) -> &dyn TensorSource {
        match self {
            Self::Original(source) => &**source,
            Self::Rotated(source) => &**source,
        }
    }

    /// The model as it is.
    pub(crate) fn original(&self) -> &dyn TensorSource {
        match self {
            Self::Original(source) => &**source,
            Self::Rotated(source) => source.original(),
        }
    }

    /// The second moment of a layer's inputs in this basis, from that in the original one.
    pub(crate) fn carry(&self, name: &str, hessian: Hessian) -> Result<Hessian> {
        match self {
            Self::Original(_) => Ok(hessian),
            Self::Rotated(source) => source.carry(name, hessian),
        }
    }

    /// Weights of this basis in the original one. Rows are `row_len` long.
    pub(crate) fn restore(&self, name: &str, weights: &mut [f32], row_len: usize) {
        if let Self::Rotated(source) = self {
            source.restore(name, weights, row_len);
        }
    }
}
