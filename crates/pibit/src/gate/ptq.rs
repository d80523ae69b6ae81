//! G1: PiQ3 beats absmax uniform Q3 without training.

use super::input::{GateInput, Name};
use super::limits::Limits;
use super::measured::{Figures, Measured};
use crate::context::Context;
use anyhow::{Context as _, Result};
use domain_types::{CodecSet, QuantizeRequest, Shape, TensorSource};
use quant_core::{Comparison, QuantizeOptions, StepSearch, quantizer};

/// Measures both on all matrices of the model's blocks.
pub(super) fn measure(context: &Context, input: &GateInput, limits: &Limits) -> Result<Measured> {
    let source = input.model.open(context)?;
    let matrices = source.tensors().iter().filter(|t| t.is_matrix() && t.name.starts_with("blk."));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for info in matrices {
        let weights = decode(context, &*source, &info.name)?;
        ours.push(error(&weights, info.shape, "piq3").with_context(|| info.name.clone())?);
        theirs.push(error(&weights, info.shape, "uq3").with_context(|| info.name.clone())?);
    }
    let (Some(ours), Some(theirs)) = (Comparison::total(ours), Comparison::total(theirs)) else {
        return Ok(Measured::absent("the model has no matrix named blk.*"));
    };
    let (ours, theirs) = (ours.quality(), theirs.quality());
    let mut figures = Figures::from([
        ("mse_ratio", ours.mse / theirs.mse),
        ("distortion_gain_db", theirs.spectral_distortion_db - ours.spectral_distortion_db),
        ("cosine", ours.cosine),
        ("outlier_retention", ours.outlier_retention),
    ]);
    figures.insert("conditions_met", limits.met(Name::G1, &figures) as f64);
    Ok(Measured::Figures(figures))
}

fn error(weights: &[f32], shape: Shape, format: &str) -> Result<Comparison> {
    let quantizer = quantizer(format, &QuantizeOptions::default().with_step(StepSearch::Mse))?;
    let tensor = quantizer.quantize(&QuantizeRequest::new(weights, shape)?)?;
    Ok(quant_core::compare(weights, &tensor)?)
}

fn decode(context: &Context, source: &dyn TensorSource, name: &str) -> Result<Vec<f32>> {
    let tensor = source.tensor(name)?;
    let mut weights = vec![0.0; tensor.shape().elements()];
    context.codecs.require(tensor.format())?.decode(tensor.view(), &mut weights)?;
    Ok(weights)
}
