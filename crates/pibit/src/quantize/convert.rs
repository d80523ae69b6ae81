//! Carries out a plan.

use super::Importance;
use super::plan::{Plan, PlannedTensor};
use super::role::{ConstantRule, TensorRole};
use crate::context::Context;
use crate::rewrite::{self, Rewritten};
use anyhow::{Context as _, Result, bail};
use domain_types::{
    CodecSet, DomainEvent, EventSink, Hessian, QuantFormat, QuantTensor, QuantizeRequest, TensorInfo,
    TensorQuality, TensorSource,
};
use quant_core::{Codecs, Comparison, QuantizeOptions, StepSearch};
use serde::Serialize;
use std::collections::HashMap;
use std::path::Path;

/// How tensors are rounded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rounding {
    pub(crate) step: StepSearch,
    pub(crate) k: Option<u8>,
    pub(crate) constants: Vec<ConstantRule>,
    pub(crate) importance: Option<Importance>,
    /// How weights become codes where Hessians are known.
    pub(crate) method: quant_core::Rounding,
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
    /// tr(E·H·Eᵀ)/tr(W·H·Wᵀ) where the Hessian was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proxy_loss: Option<f64>,
    /// Against the source's weights; absent where the tensor was copied.
    #[serde(flatten)]
    pub(crate) quality: Option<TensorQuality>,
    /// The same, to be summed over tensors.
    #[serde(skip)]
    pub(crate) comparison: Option<Comparison>,
}

/// Tensors that are rounded already, by name.
pub(crate) type RoundedTensors = HashMap<String, (QuantTensor, TensorReport)>;

/// Quantizes a model into a file that appears whole or not at all.
pub(crate) fn quantize_model(
    context: &Context,
    source: &dyn TensorSource,
    source_sha256: &str,
    plan: &Plan,
    rounding: &Rounding,
    output: &Path,
    mut done: RoundedTensors,
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
            let (tensor, report) = match done.remove(&planned.source.name) {
                Some(done) => done,
                None => convert(Tools::of(context), source, planned, rounding, None)
                    .with_context(|| format!("tensor {}", planned.source.name))?,
            };
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

/// What making a tensor needs of the context.
#[derive(Clone, Copy)]
pub(super) struct Tools<'a> {
    codecs: &'a Codecs,
    sink: &'a dyn EventSink,
}

impl<'a> Tools<'a> {
    pub(super) fn of(context: &'a Context) -> Self {
        Self { codecs: &context.codecs, sink: &*context.sink }
    }
}

/// Makes one tensor. With the Hessian of its inputs it is rounded as `rounding.method` says, where its format can.
pub(super) fn convert(
    tools: Tools<'_>,
    source: &dyn TensorSource,
    planned: &PlannedTensor,
    rounding: &Rounding,
    hessian: Option<&Hessian>,
) -> Result<(QuantTensor, TensorReport)> {
    let original = source.tensor(&planned.source.name)?;
    let copied = *original.format() == planned.format;
    let (tensor, comparison, proxy_loss) = if copied {
        (original, None, None)
    } else {
        let (tensor, comparison, proxy_loss) = round(tools, &original, planned, rounding, hessian)?;
        (tensor, Some(comparison), proxy_loss)
    };
    let report = TensorReport {
        name: planned.source.name.clone(),
        format: planned.format.id(),
        shape: planned.source.shape.dims().to_vec(),
        bytes: tensor.bytes().len(),
        bits_per_weight: tensor.bits_per_weight(),
        fallback: planned.fallback,
        proxy_loss,
        quality: comparison.map(|c| c.quality()),
        comparison,
    };
    Ok((tensor, report))
}

fn round(
    tools: Tools<'_>,
    original: &QuantTensor,
    planned: &PlannedTensor,
    rounding: &Rounding,
    hessian: Option<&Hessian>,
) -> Result<(QuantTensor, Comparison, Option<f64>)> {
    let (name, shape) = (&planned.source.name, planned.source.shape);
    let mut weights = vec![0.0; shape.elements()];
    tools.codecs.require(original.format())?.decode(original.view(), &mut weights)?;
    let mut request = QuantizeRequest::new(&weights, shape)?;
    match rounding.importance.as_ref().and_then(|all| all.get(name)) {
        Some(importance) => request = request.with_importance(importance)?,
        // The embedding is looked up, not multiplied: no imatrix has an entry for it.
        None if rounding.step == StepSearch::Imatrix && TensorRole::of(name) != TensorRole::Embedding => {
            bail!("the imatrix has no entry for it; was it made for another model?")
        }
        None => {}
    }
    let method = match hessian {
        Some(_) if can_ldlq(&planned.format) => rounding.method,
        _ => quant_core::Rounding::Rtn,
    };
    let diagonal: Vec<f32>;
    if let Some(hessian) = hessian {
        request = request.with_hessian(hessian)?;
        // A format without feedback still gains from knowing which inputs are large.
        if method == quant_core::Rounding::Rtn {
            diagonal = hessian.diagonal().collect();
            request = request.with_importance(&diagonal)?;
        }
    }
    let step = if method == quant_core::Rounding::Rtn && request.importance().is_some() {
        StepSearch::Imatrix
    } else if request.importance().is_none() && rounding.step == StepSearch::Imatrix {
        StepSearch::Mse
    } else {
        rounding.step
    };
    let constant = ConstantRule::choose(&rounding.constants, TensorRole::of(name));
    let options = QuantizeOptions::default().with_step(step).with_constant(constant).with_k(rounding.k);
    let options = options.with_rounding(method);
    let tensor = quant_core::quantizer(planned.format.id(), &options)?.quantize(&request)?;
    let comparison = quant_core::compare(&weights, &tensor)?;
    let proxy_loss = hessian.map(|hessian| proxy_loss(tools, &weights, &tensor, hessian)).transpose()?;
    let quality = comparison.quality();
    let layer = name.clone();
    tools.sink.record(&DomainEvent::WeightsQuantized {
        layer: layer.clone(),
        format: planned.format.id().to_owned(),
        mse: quality.mse,
        spectral_distortion_db: quality.spectral_distortion_db,
        bits_per_weight: tensor.bits_per_weight(),
    });
    if tools.sink.enabled()
        && method == quant_core::Rounding::Rtn
        && let Some(fit) = quant_core::grid_fit(&request, &options, &tensor)?
    {
        let (centroids, improvement_pct) = (fit.levels, fit.improvement_pct);
        tools.sink.record(&DomainEvent::GridOptimized { layer, centroids, improvement_pct });
    }
    Ok((tensor, comparison, proxy_loss))
}

fn can_ldlq(format: &QuantFormat) -> bool {
    quant_core::entries().iter().any(|entry| entry.format() == *format && entry.can_ldlq())
}

fn proxy_loss(tools: Tools<'_>, weights: &[f32], tensor: &QuantTensor, hessian: &Hessian) -> Result<f64> {
    let mut decoded = vec![0.0; weights.len()];
    tools.codecs.require(tensor.format())?.decode(tensor.view(), &mut decoded)?;
    Ok(quant_core::proxy_loss(weights, &decoded, hessian)?)
}
