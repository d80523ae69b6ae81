//! Keys and values as a key–value cache in few bits gives them back (LLM-QAT, Liu et al. 2023, arXiv 2305.17888).

use crate::quantizer::{FakeQuantizer, Gradients, fake_quantize};
use burn::tensor::Tensor;
use domain_types::{KvRounding, PortError};
use std::sync::Arc;

/// A cache that rounds: every position, as if it had become cold at once. Gradients pass straight through.
#[derive(Debug, Clone)]
pub(crate) struct RoundedCache {
    keys: Arc<dyn FakeQuantizer>,
    values: Arc<dyn FakeQuantizer>,
}

impl RoundedCache {
    pub(crate) fn new(rounding: &Arc<dyn KvRounding>, head_dim: usize) -> Self {
        let side = |side| Arc::new(Rounder { rounding: Arc::clone(rounding), side, head_dim });
        Self { keys: side(Side::Keys), values: side(Side::Values) }
    }

    /// Rounded keys and values, both `[heads, length, head_dim]`.
    pub(super) fn round(&self, keys: Tensor<3>, values: Tensor<3>) -> (Tensor<3>, Tensor<3>) {
        let round = |x: Tensor<3>, by| {
            let no_steps = Tensor::zeros([1, 1], &x.device());
            fake_quantize(x, no_steps, by)
        };
        (round(keys, &self.keys), round(values, &self.values))
    }
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Keys,
    Values,
}

#[derive(Debug)]
struct Rounder {
    rounding: Arc<dyn KvRounding>,
    side: Side,
    head_dim: usize,
}

impl FakeQuantizer for Rounder {
    fn forward(&self, numbers: &[f32], _steps: &[f32]) -> Result<Vec<f32>, PortError> {
        let mut rounded = numbers.to_vec();
        match self.side {
            Side::Keys => self.rounding.round_keys(&mut rounded, self.head_dim),
            Side::Values => self.rounding.round_values(&mut rounded, self.head_dim),
        }
        Ok(rounded)
    }

    fn backward(&self, _numbers: &[f32], steps: &[f32], gradient: &[f32]) -> Gradients {
        Gradients { weights: gradient.to_vec(), steps: vec![0.0; steps.len()] }
    }
}
