//! Carries out a plan.

use super::budget::AllocationReport;
use super::observed::Observed;
use super::plan::{Plan, PlannedTensor};
use super::round::{Rounding, round};
use crate::context::Context;
use crate::rewrite::{self, Rewritten};
use anyhow::{Context as _, Result};
use domain_types::{
    CodecSet, EventSink, Metadata, QuantTensor, TensorInfo, TensorQuality, TensorSource, scalar,
};
use quant_core::{Codecs, Comparison};
use serde::Serialize;
use std::collections::HashMap;
use std::path::Path;

/// The result of `pibit quantize`.
#[derive(Debug, Serialize)]
pub(crate) struct QuantizeReport {
    pub(crate) output: String,
    pub(crate) bytes: u64,
    /// Bits of the whole file per weight.
    pub(crate) bits_per_weight: f64,
    pub(crate) seconds: f64,
    pub(crate) config_sha256: String,
    /// With a budget: how it was spent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allocation: Option<AllocationReport>,
    /// Weights that became their format's largest number because they were beyond its range.
    pub(crate) saturated: u64,
    /// Weights other than 0 that became 0 in float formats because they were below their range.
    pub(crate) vanished: u64,
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
    let metadata = metadata_of(source);
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
    let is_float = |id: &str| scalar::ALL.iter().any(|format| format.id() == id);
    let compared = || tensors.iter().filter_map(|t: &TensorReport| Some((is_float(t.format), t.comparison?)));
    let weights: usize = plan.tensors.iter().map(|t| t.source.shape.elements()).sum();
    Ok(QuantizeReport {
        output: output.display().to_string(),
        bytes: written.bytes,
        bits_per_weight: written.bytes as f64 * 8.0 / weights as f64,
        seconds,
        config_sha256: written.config_sha256,
        allocation: None,
        saturated: compared().map(|(_, c)| c.saturated()).sum(),
        vanished: compared().filter(|(float, _)| *float).map(|(_, c)| c.vanished()).sum(),
        tensors,
    })
}

/// What a quantized file says of the model.
pub(crate) fn metadata_of(source: &dyn TensorSource) -> Metadata {
    let mut metadata = source.metadata().clone();
    metadata.set("general.quantization_version", 2_u32);
    metadata.remove("general.file_type");
    metadata
}

/// What making a tensor needs of the context.
#[derive(Clone, Copy)]
pub(super) struct Tools<'a> {
    pub(super) codecs: &'a Codecs,
    pub(super) sink: &'a dyn EventSink,
}

impl<'a> Tools<'a> {
    pub(super) fn of(context: &'a Context) -> Self {
        Self { codecs: &context.codecs, sink: &*context.sink }
    }
}

/// Makes one tensor. Where its inputs were `observed` it is rounded for them, as `rounding.method` says.
pub(super) fn convert(
    tools: Tools<'_>,
    source: &dyn TensorSource,
    planned: &PlannedTensor,
    rounding: &Rounding,
    observed: Option<&Observed>,
) -> Result<(QuantTensor, TensorReport)> {
    let original = source.tensor(&planned.source.name)?;
    if *original.format() == planned.format {
        let report = TensorReport::new(planned, &original, None, None);
        return Ok((original, report));
    }
    let rounded = round(tools, &original, planned, rounding, observed)?;
    let report = TensorReport::new(planned, &rounded.tensor, Some(rounded.comparison), rounded.proxy_loss);
    Ok((rounded.tensor, report))
}

impl TensorReport {
    fn new(
        planned: &PlannedTensor,
        tensor: &QuantTensor,
        comparison: Option<Comparison>,
        proxy_loss: Option<f64>,
    ) -> Self {
        Self {
            name: planned.source.name.clone(),
            format: planned.format.id(),
            shape: planned.source.shape.dims().to_vec(),
            bytes: tensor.bytes().len(),
            bits_per_weight: tensor.bits_per_weight(),
            fallback: planned.fallback,
            proxy_loss,
            quality: comparison.map(|c| c.quality()),
            comparison,
        }
    }

    /// The report of a tensor that an earlier run made.
    pub(super) fn again(
        tools: Tools<'_>,
        source: &dyn TensorSource,
        planned: &PlannedTensor,
        tensor: &QuantTensor,
        proxy_loss: Option<f64>,
    ) -> Result<Self> {
        let original = source.tensor(&planned.source.name)?;
        if *original.format() == planned.format {
            return Ok(Self::new(planned, tensor, None, None));
        }
        let mut weights = vec![0.0; original.shape().elements()];
        tools.codecs.require(original.format())?.decode(original.view(), &mut weights)?;
        let comparison = quant_core::compare(&weights, tensor)?;
        Ok(Self::new(planned, tensor, Some(comparison), proxy_loss))
    }
}
