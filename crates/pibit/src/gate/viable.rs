//! G3: PiQ2 is viable with incoherence alone.

use super::input::GateInput;
use super::measured::Measured;
use crate::context::Context;
use crate::evaluation::{Text, measure_text};
use crate::loaded::LoadedModel;
use crate::model_ref::ModelRef;
use crate::quantize::{Plan, PlanOptions, RoundedTensors, Rounding, quantize_model};
use crate::rotate::RotatedSource;
use anyhow::{Context as _, Result};
use domain_types::{RotationSpec, TensorSource};
use std::path::Path;

/// Tokens per chunk.
const CTX: usize = 256;

pub(super) fn measure(context: &Context, input: &GateInput) -> Result<Measured> {
    let folder = tempfile::tempdir().context("could not make a temporary folder")?;
    let file = quantized(context, input, folder.path())?;
    let text = input.text.as_deref().map_or_else(|| Ok(Text::held_out_corpus()), Text::read)?;
    let mut original = LoadedModel::exact(context, &input.model, CTX)?;
    let before = measure_text(context, &mut original, None, &text, CTX, input.chunks)?;
    let mut candidate = LoadedModel::exact(context, &file, CTX)?;
    let after = measure_text(context, &mut candidate, Some(&mut original), &text, CTX, input.chunks)?;
    Ok([
        ("perplexity_ratio", after.ppl / before.ppl),
        ("kl_divergence", after.kld_mean.unwrap_or(f64::NAN)),
        ("bits_per_weight", bits_per_weight(&*candidate.source)?),
    ]
    .into())
}

/// The file that was given, or the model rotated and rounded to PiQ2.
pub(super) fn quantized(context: &Context, input: &GateInput, folder: &Path) -> Result<ModelRef> {
    if let Some(file) = &input.quantized {
        return Ok(ModelRef::Path(file.clone()));
    }
    let file = folder.join("piq2.gguf");
    let source = input.model.open(context)?;
    let source = RotatedSource::new(source, RotationSpec::full(0), &context.codecs, &*context.sink)?;
    let options = PlanOptions { format: "piq2".into(), ..PlanOptions::default() };
    let plan = Plan::make(source.tensors(), &options, &context.catalogue)?;
    let (sha256, rounding) = (input.model.sha256()?, Rounding::default());
    quantize_model(context, &source, &sha256, &plan, &rounding, &file, RoundedTensors::new())?;
    Ok(ModelRef::Path(file))
}

/// Of the linear layers.
fn bits_per_weight(source: &dyn TensorSource) -> Result<f64> {
    let (mut bits, mut weights) = (0.0, 0.0);
    for info in source.tensors().iter().filter(|t| t.is_matrix() && t.name.starts_with("blk.")) {
        bits += info.format.byte_len(&info.shape)? as f64 * 8.0;
        weights += info.shape.elements() as f64;
    }
    Ok(bits / weights)
}
