//! The divergence of whole models whose linear layers are quantized.

use super::measure::Row;
use crate::context::Context;
use crate::evaluation::{Text, measure_text};
use crate::loaded::LoadedModel;
use crate::model_ref::ModelRef;
use crate::quantize::{ConstantRule, KeepRule, Plan, PlanOptions, RoundedTensors, Rounding, quantize_model};
use anyhow::{Context as _, Result};

/// Embedding and head stay as they are, so that models differ in their linear layers only.
const KEPT: [&str; 2] = ["token_embd.weight=source", "output.weight=source"];

/// What to evaluate on.
pub(crate) struct Divergence<'a> {
    pub(crate) text: &'a Text,
    /// Tokens per chunk.
    pub(crate) ctx: usize,
    pub(crate) chunks: usize,
}

impl Divergence<'_> {
    /// Adds the KL divergence from the model to every row whose format takes all of its matrices.
    pub(super) fn add(&self, context: &Context, model: &ModelRef, rows: &mut [Row]) -> Result<()> {
        let folder = tempfile::tempdir().context("could not make a temporary folder")?;
        let file = folder.path().join("study.gguf");
        let mut reference = LoadedModel::exact(context, model, self.ctx)?;
        for row in rows {
            let keep = KEPT.iter().map(|rule| rule.parse::<KeepRule>()).collect::<Result<_, _>>();
            let keep = keep.map_err(anyhow::Error::msg)?;
            let options = PlanOptions { format: row.format.into(), keep, ..PlanOptions::default() };
            let Ok(plan) = Plan::make(reference.source.tensors(), &options, &context.catalogue) else {
                continue; // its rows do not fit the format
            };
            context.progress.note(&format!("{}:", row.quantizer));
            let options = row.contender.options;
            let rounding = Rounding {
                saturate: false,
                method: quant_core::Rounding::Rtn,
                step: Some(options.step),
                k: options.k,
                constants: vec![ConstantRule::for_all(options.constant)],
                importance: None,
            };
            quantize_model(
                context,
                &*reference.source,
                &model.sha256()?,
                &plan,
                &rounding,
                &file,
                RoundedTensors::new(),
            )?;
            let mut quantized = LoadedModel::exact(context, &ModelRef::Path(file.clone()), self.ctx)?;
            let report = measure_text(
                context,
                &mut quantized,
                Some(&mut reference),
                self.text,
                self.ctx,
                self.chunks,
            )?;
            row.kld = report.kld_mean;
        }
        Ok(())
    }
}
