//! One format, measured.

use super::Demo;
use crate::commands::bench;
use crate::compute::Compute;
use crate::evaluation::{Text, measure_tasks, measure_text};
use crate::loaded::LoadedModel;
use crate::model_ref::ModelRef;
use crate::quantize::{Plan, PlanOptions, RoundedTensors, Rounding, TensorReport, quantize_model};
use anyhow::Result;
use domain_types::TensorSource;
use inference::LoadOptions;
use quant_core::Comparison;
use serde::Serialize;
use std::collections::BTreeMap;

/// The embedding is the same in every file, so that rows differ in their linear layers only.
const EMBED: &str = "q8_0";

/// One format, measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) format: String,
    /// Size of the file.
    pub(crate) bytes: u64,
    /// Bits of the whole file per weight.
    pub(crate) bits_per_weight: f64,
    /// Energy of the linear layers' error over that of their weights; absent for the reference.
    pub(crate) relative_error: Option<f64>,
    pub(crate) ppl: f64,
    pub(crate) kld_mean: Option<f64>,
    pub(crate) top1: Option<f64>,
    /// Exact-match accuracy by domain.
    pub(crate) tasks: BTreeMap<&'static str, f64>,
    pub(crate) prefill_tps: Option<f64>,
    pub(crate) decode_tps: Option<f64>,
    pub(crate) quantize_seconds: Option<f64>,
    /// Tensor by tensor, for the report.
    #[serde(skip)]
    pub(crate) tensors: Vec<TensorReport>,
}

impl Demo<'_> {
    /// The model as it is.
    pub(super) fn measure_reference(&self, text: &Text) -> Result<Row> {
        let mut row = self.measure(self.model, None, text)?;
        row.format = "as it is".into();
        Ok(row)
    }

    /// Quantizes to a format and measures the file.
    pub(super) fn measure_format(
        &self,
        format: &'static str,
        source: &dyn TensorSource,
        reference: &mut LoadedModel,
        text: &Text,
    ) -> Result<Row> {
        let options =
            PlanOptions { format: format.into(), embed: Some(EMBED.into()), ..PlanOptions::default() };
        let plan = Plan::make(source.tensors(), &options, &self.context.catalogue)?;
        let file = self.file(format);
        let sha256 = self.model.sha256()?;
        let report = quantize_model(
            self.context,
            source,
            &sha256,
            &plan,
            &Rounding::default(),
            &file,
            RoundedTensors::new(),
        )?;
        let mut row = self.measure(&ModelRef::Path(file), Some(reference), text)?;
        row.format = format.into();
        row.relative_error = relative_error(&report.tensors);
        row.quantize_seconds = Some(report.seconds);
        row.tensors = report.tensors;
        Ok(row)
    }

    fn measure(&self, name: &ModelRef, reference: Option<&mut LoadedModel>, text: &Text) -> Result<Row> {
        let mut model = LoadedModel::exact(self.context, name, self.ctx)?;
        let bytes = name.size(&*model.source)?;
        let weights: usize = model.source.tensors().iter().map(|t| t.shape.elements()).sum();
        let quality = measure_text(self.context, &mut model, reference, text, self.ctx, self.chunks)?;
        let tasks = measure_tasks(self.context, &mut model, self.task_domains(), self.task_samples)?;
        let work = bench::Workload { prompts: vec![128], tokens: 32, repetitions: 1 };
        // quality is that of the weights, speed that of running them
        let options = LoadOptions::default().with_context_length(self.ctx);
        let mut fast = LoadedModel::fast(self.context, name, options, Compute::default())?;
        let speed = bench::measure(self.context, name, &mut fast, &work)?;
        Ok(Row {
            format: String::new(),
            bytes,
            bits_per_weight: bytes as f64 * 8.0 / weights as f64,
            relative_error: None,
            ppl: quality.ppl,
            kld_mean: quality.kld_mean,
            top1: quality.top1,
            tasks: tasks.iter().map(|t| (t.domain, t.accuracy)).collect(),
            prefill_tps: speed.prefill_tps,
            decode_tps: speed.decode_tps,
            quantize_seconds: None,
            tensors: Vec::new(),
        })
    }
}

/// Error of the linear layers as if they were one tensor; `None` where none was rounded.
fn relative_error(tensors: &[TensorReport]) -> Option<f64> {
    let linear = tensors.iter().filter(|t| t.name.starts_with("blk.")).filter_map(|t| t.comparison);
    Comparison::total(linear).map(|total| total.relative_error())
}
