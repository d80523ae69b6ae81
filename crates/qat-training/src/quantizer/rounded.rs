//! A parameter that reads as its rounded weights.

use super::FakeQuantizer;
use super::op::fake_quantize;
use burn::module::{Module, Param, Reparameterization};
use burn::tensor::Tensor;
use std::sync::Arc;

/// Hangs on a matrix: its stored value stays the latent weights, its `val()` becomes the rounded ones.
#[derive(Module, Debug)]
pub(crate) struct Rounded {
    /// Learned steps, where the quantizer has any.
    pub(crate) steps: Option<Param<Tensor<2>>>,
    #[module(skip)]
    by: RoundedBy,
}

/// What rounds.
#[derive(Debug, Clone)]
pub(crate) struct RoundedBy(pub(crate) Arc<dyn FakeQuantizer>);

impl Rounded {
    pub(crate) fn new(steps: Option<Tensor<2>>, by: RoundedBy) -> Self {
        Self { steps: steps.map(Param::from_tensor), by }
    }
}

impl Reparameterization for Rounded {
    const NAME: &'static str = "rounded";

    fn apply<const D: usize>(&self, base: Tensor<D>) -> Tensor<D> {
        let steps = match &self.steps {
            Some(steps) => steps.val(),
            None => Tensor::zeros([1, 1], &base.device()),
        };
        fake_quantize(base, steps, &self.by.0)
    }
}
