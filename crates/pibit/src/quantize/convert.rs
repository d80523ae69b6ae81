//! Carries out a plan.

use super::Importance;
use super::plan::{Plan, PlannedTensor};
use super::role::{ConstantRule, TensorRole};
use crate::context::Context;
use crate::rewrite::{self, Rewritten};
use anyhow::{Context as _, Result, bail};
use domain_types::{
    CodecSet, DomainEvent, QuantTensor, QuantizeRequest, TensorInfo, TensorQuality, TensorSource,
};
use quant_core::{Comparison, QuantizeOptions, StepSearch};
use serde::Serialize;
use std::path::Path;

/// How tensors are rounded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rounding {
    pub(crate) step: StepSearch,
    pub(crate) k: Option<u8>,
    pub(crate) constants: Vec<ConstantRule>,
    pub(crate) importance: Option<Importance>,
}

/// The result of `pibit quantize`.
#[derive(Debug, Serialize)]
pub(crate) struct QuantizeReport {
    pub(crate) output: String,
    pub(crate) bytes: u64,
    /// Bits of the whole file per weight.
    pub(crate) bits_per_weight: f64,
    pub(crate) seconds: f64,
    pub(crate) config_sha256: String,
    pub(crate) tensors: Vec<TensorReport>,
}

/// One tensor of the new file.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TensorReport {
    pub(crate) name: String,
    pub(crate) format: &'static str,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: usize,
    pub(crate) bits_per_weight: f64,
    pub(crate) fallback: bool,
    /// Against the source's weights; absent where the tensor was copied.
    #[serde(flatten)]
    pub(crate) quality: Option<TensorQuality>,
    /// The same, to be summed over tensors.
    #[serde(skip)]
    pub(crate) comparison: Option<Comparison>,
}

/// Quantizes a model into a file that appears whole or not at all.
pub(crate) fn quantize_model(
    context: &Context,
    source: &dyn TensorSource,
    source_sha256: &str,
    plan: &Plan,
    rounding: &Rounding,
    output: &Path,
) -> Result<QuantizeReport> {
    let mut metadata = source.metadata().clone();
    metadata.set("general.quantization_version", 2_u32);
    metadata.remove("general.file_type");
    let infos = plan.tensors.iter().map(|t| TensorInfo::new(&t.source.name, t.format, t.source.shape));
    let infos = infos.collect::<Result<Vec<_>, _>>()?;
    let mut tensors = Vec::with_capacity(infos.len());
    let target = Rewritten { infos, metadata, source_sha256: Some(source_sha256), output };
    let (written, seconds) = context.timed(|| {
        rewrite::write(context, "quantize", target, |index| {
            let planned = &plan.tensors[index];
            let (tensor, report) = convert(context, source, planned, rounding)
                .with_context(|| format!("tensor {}", planned.source.name))?;
            tensors.push(report);
            Ok(tensor)
        })
    })?;
    let weights: usize = plan.tensors.iter().map(|t| t.source.shape.elements()).sum();
    Ok(QuantizeReport {
        output: output.display().to_string(),
        bytes: written.bytes,
        bits_per_weight: written.bytes as f64 * 8.0 / weights as f64,
        seconds,
        config_sha256: written.config_sha256,
        tensors,
    })
}

fn convert(
    context: &Context,
    source: &dyn TensorSource,
    planned: &PlannedTensor,
    rounding: &Rounding,
) -> Result<(QuantTensor, TensorReport)> {
    let original = source.tensor(&planned.source.name)?;
    let copied = *original.format() == planned.format;
    let (tensor, comparison) = if copied {
        (original, None)
    } else {
        let (tensor, comparison) = round(context, &original, planned, rounding)?;
        (tensor, Some(comparison))
    };
    let report = TensorReport {
        name: planned.source.name.clone(),
        format: planned.format.id(),
        shape: planned.source.shape.dims().to_vec(),
        bytes: tensor.bytes().len(),
        bits_per_weight: tensor.bits_per_weight(),
        fallback: planned.fallback,
        quality: comparison.map(|c| c.quality()),
        comparison,
    };
    Ok((tensor, report))
}

fn round(
    context: &Context,
    original: &QuantTensor,
    planned: &PlannedTensor,
    rounding: &Rounding,
) -> Result<(QuantTensor, Comparison)> {
    let (name, shape) = (&planned.source.name, planned.source.shape);
    let mut weights = vec![0.0; shape.elements()];
    context.codecs.require(original.format())?.decode(original.view(), &mut weights)?;
    let mut request = QuantizeRequest::new(&weights, shape)?;
    match rounding.importance.as_ref().and_then(|all| all.get(name)) {
        Some(importance) => request = request.with_importance(importance)?,
        // The embedding is looked up, not multiplied: no imatrix has an entry for it.
        None if rounding.step == StepSearch::Imatrix && TensorRole::of(name) != TensorRole::Embedding => {
            bail!("the imatrix has no entry for it; was it made for another model?")
        }
        None => {}
    }
    let step = if request.importance().is_none() && rounding.step == StepSearch::Imatrix {
        StepSearch::Mse
    } else {
        rounding.step
    };
    let constant = ConstantRule::choose(&rounding.constants, TensorRole::of(name));
    let options = QuantizeOptions::default().with_step(step).with_constant(constant).with_k(rounding.k);
    let tensor = quant_core::quantizer(planned.format.id(), &options)?.quantize(&request)?;
    let comparison = quant_core::compare(&weights, &tensor)?;
    let quality = comparison.quality();
    let layer = name.clone();
    context.sink.record(&DomainEvent::WeightsQuantized {
        layer: layer.clone(),
        format: planned.format.id().to_owned(),
        mse: quality.mse,
        spectral_distortion_db: quality.spectral_distortion_db,
        bits_per_weight: tensor.bits_per_weight(),
    });
    if context.sink.enabled()
        && let Some(fit) = quant_core::grid_fit(&request, &options, &tensor)?
    {
        let (centroids, improvement_pct) = (fit.levels, fit.improvement_pct);
        context.sink.record(&DomainEvent::GridOptimized { layer, centroids, improvement_pct });
    }
    Ok((tensor, comparison))
}
