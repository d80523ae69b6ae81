//! Experts as a format leaves them.

use crate::context::Context;
use crate::experts::Matrices;
use anyhow::{Context as _, Result};
use domain_types::{
    CodecSet, ExpertId, ExpertMatrix, ExpertPart, QuantTensor, QuantizeRequest, TensorSource,
};
use moe_routing::ModelSize;
use quant_core::{QuantizeOptions, StepSearch, quantizer};

/// One expert's matrices as the model has them.
pub(super) struct Expert {
    original: Matrices,
}

/// An expert in a format.
pub(super) struct Rounded {
    pub(super) bytes: u64,
    pub(super) bits: f64,
    /// Σ over its matrices of Σe²/Σw².
    pub(super) error: f64,
    pub(super) matrices: Matrices,
}

impl Expert {
    /// Takes an expert out of a model.
    pub(super) fn of(source: &dyn TensorSource, size: ModelSize, id: ExpertId) -> Result<Self> {
        let read = |part| ExpertMatrix::find(source, id, part, size.experts())?.read(source);
        let [gate, up, down] = ExpertPart::ALL.map(read);
        Ok(Self { original: [gate?, up?, down?] })
    }

    /// Number of weights.
    pub(super) fn weights(&self) -> usize {
        self.original.iter().map(|matrix| matrix.shape().elements()).sum()
    }

    /// Rounded to nearest, with the step of least squared error; as it is where it has the format already.
    pub(super) fn round(&self, context: &Context, format: &str) -> Result<Rounded> {
        let quantizer = quantizer(format, &QuantizeOptions::default().with_step(StepSearch::Mse))?;
        let (mut error, mut matrices) = (0.0, self.original.clone());
        for matrix in matrices.iter_mut().filter(|matrix| matrix.format().id() != format) {
            let (shape, weights) = (*matrix.shape(), decoded(context, matrix)?);
            *matrix = quantizer
                .quantize(&QuantizeRequest::new(&weights, shape)?)
                .with_context(|| format!("experts of {shape} in {format}"))?;
            let square = |x: f32| f64::from(x) * f64::from(x);
            let rounded = decoded(context, matrix)?;
            let lost: f64 = weights.iter().zip(&rounded).map(|(w, r)| square(w - r)).sum();
            let energy: f64 = weights.iter().map(|w| square(*w)).sum();
            error += lost / energy.max(f64::MIN_POSITIVE);
        }
        let bytes = matrices.iter().map(|matrix| matrix.bytes().len() as u64).sum();
        Ok(Rounded { bytes, bits: 8.0 * bytes as f64 / self.weights() as f64, error, matrices })
    }
}

fn decoded(context: &Context, matrix: &QuantTensor) -> Result<Vec<f32>> {
    let mut weights = vec![0.0; matrix.shape().elements()];
    context.codecs.require(matrix.format())?.decode(matrix.view(), &mut weights)?;
    Ok(weights)
}
