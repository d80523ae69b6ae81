//! Low-rank adapters beside packed weights (LoRA, Hu et al. 2021, arXiv 2106.09685).

mod adapted;
mod head_tuner;
#[cfg(test)]
mod tests;

pub(crate) use adapted::AdaptedLinear;
pub use head_tuner::HeadTuner;

use crate::InferenceError;
use std::collections::BTreeMap;

/// The largest rank.
const MAX_RANK: usize = 256;

/// Additions to linear layers, by the GGUF names of their matrices.
#[derive(Debug, Clone, Default)]
pub struct Adapter {
    layers: BTreeMap<String, LowRank>,
}

/// An addition B·A·x to a layer W·x, in the basis of its packed weights.
#[derive(Debug, Clone, PartialEq)]
pub struct LowRank {
    /// A, `[rank, in]`.
    a: Vec<f32>,
    /// Bᵀ, `[rank, out]`, so that the inner loop runs over outputs.
    b: Vec<f32>,
    rank: usize,
}

impl LowRank {
    /// From A `[rank, in]` and B `[out, rank]`, row after row; the adapter's scale α/r is in B.
    ///
    /// # Errors
    /// A rank of 0 or above 256; factors that are not whole rows, or hold numbers that are not finite.
    pub fn new(a: Vec<f32>, b: &[f32], rank: usize) -> Result<Self, InferenceError> {
        let fail = |reason: &str| Err(InferenceError::Adapter(reason.into()));
        if rank == 0 || rank > MAX_RANK {
            return fail("a rank must be between 1 and 256");
        }
        if a.is_empty() || b.is_empty() || !a.len().is_multiple_of(rank) || !b.len().is_multiple_of(rank) {
            return fail("the factors of a matrix do not have the same rank");
        }
        if !a.iter().chain(b).all(|x| x.is_finite()) {
            return fail(
                "a factor holds a number that is not finite: the file is damaged, or its training diverged",
            );
        }
        let out = b.len() / rank;
        let b = (0..b.len()).map(|at| b[at % out * rank + at / out]).collect();
        Ok(Self { a, b, rank })
    }

    pub(crate) fn in_features(&self) -> usize {
        self.a.len() / self.rank
    }

    pub(crate) fn out_features(&self) -> usize {
        self.b.len() / self.rank
    }
}

impl Adapter {
    /// Adds the addition to a matrix.
    pub fn insert(&mut self, matrix: impl Into<String>, addition: LowRank) {
        self.layers.insert(matrix.into(), addition);
    }

    /// The addition to a matrix, if it has one.
    pub(crate) fn of(&self, matrix: &str) -> Option<&LowRank> {
        self.layers.get(matrix)
    }

    /// Names of all matrices with additions.
    pub(crate) fn matrices(&self) -> impl Iterator<Item = &str> {
        self.layers.keys().map(String::as_str)
    }
}
