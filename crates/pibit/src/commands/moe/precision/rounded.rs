//! Experts as a format leaves them.

use crate::context::Context;
use crate::experts::STACKS;
use anyhow::{Context as _, Result, bail};
use domain_types::{CodecSet, QuantizeRequest, Shape, TensorSource};
use quant_core::{QuantizeOptions, StepSearch, quantizer};

/// One expert's matrices: gate, up, down.
pub(super) struct Expert {
    matrices: Vec<(Vec<f32>, Shape)>,
}

/// An expert in a format.
pub(super) struct Rounded {
    pub(super) bytes: u64,
    pub(super) bits: f64,
    /// Σ over its matrices of Σe²/Σw².
    pub(super) error: f64,
    /// The matrices, decoded.
    pub(super) weights: Vec<Vec<f32>>,
}

impl Expert {
    /// All experts of a layer, in F32.
    pub(super) fn of_layer(context: &Context, source: &dyn TensorSource, layer: usize) -> Result<Vec<Self>> {
        let mut experts: Vec<Self> = Vec::new();
        for stack in STACKS {
            let name = format!("blk.{layer}.{stack}");
            let tensor = source.tensor(&name)?;
            let &[count, rows, row_len] = tensor.shape().dims() else {
                bail!("tensor {name} is {}, not a stack of matrices", tensor.shape())
            };
            let mut weights = vec![0.0; tensor.shape().elements()];
            context.codecs.require(tensor.format())?.decode(tensor.view(), &mut weights)?;
            experts.resize_with(count, || Self { matrices: Vec::new() });
            let shape = Shape::matrix(rows, row_len)?;
            for (expert, matrix) in experts.iter_mut().zip(weights.chunks_exact(rows * row_len)) {
                expert.matrices.push((matrix.to_vec(), shape));
            }
        }
        Ok(experts)
    }

    /// Number of weights.
    pub(super) fn weights(&self) -> usize {
        self.matrices.iter().map(|(weights, _)| weights.len()).sum()
    }

    /// Rounded to nearest, with the step of least squared error.
    pub(super) fn round(&self, context: &Context, format: &str) -> Result<Rounded> {
        let quantizer = quantizer(format, &QuantizeOptions::default().with_step(StepSearch::Mse))?;
        let mut rounded = Rounded { bytes: 0, bits: 0.0, error: 0.0, weights: Vec::new() };
        for (weights, shape) in &self.matrices {
            let tensor = quantizer
                .quantize(&QuantizeRequest::new(weights, *shape)?)
                .with_context(|| format!("experts of {shape} in {format}"))?;
            let mut decoded = vec![0.0; weights.len()];
            context.codecs.require(tensor.format())?.decode(tensor.view(), &mut decoded)?;
            let square = |x: f32| f64::from(x) * f64::from(x);
            let error: f64 = weights.iter().zip(&decoded).map(|(w, d)| square(w - d)).sum();
            let energy: f64 = weights.iter().map(|w| square(*w)).sum();
            rounded.error += error / energy.max(f64::MIN_POSITIVE);
            rounded.bytes += tensor.bytes().len() as u64;
            rounded.weights.push(decoded);
        }
        rounded.bits = 8.0 * rounded.bytes as f64 / self.weights() as f64;
        Ok(rounded)
    }
}
