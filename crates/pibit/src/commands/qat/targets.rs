//! The formats of a plan as training sees them.

use crate::quantize::Plan;
use anyhow::{Context as _, Result};
use domain_types::{TensorSource, scalar};
use qat_training::QatTarget;
use quant_core::{Codecs, QuantizeOptions};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A target for every matrix whose format is to change; full-precision formats need none.
pub(super) fn of_plan(
    codecs: Codecs,
    source: &dyn TensorSource,
    plan: &Plan,
) -> Result<BTreeMap<String, QatTarget>> {
    let mut targets = BTreeMap::new();
    for (name, format) in plan.formats() {
        let Some(info) = source.info(name) else { continue };
        if info.is_matrix() && scalar::ALL.iter().all(|scalar| scalar.id() != format) {
            targets.insert(name.to_owned(), of_format(codecs, format)?);
        }
    }
    Ok(targets)
}

/// Weights per scale of the matrices that are in a format of one scale times levels.
pub(crate) fn scale_blocks(source: &dyn TensorSource) -> BTreeMap<String, usize> {
    let graded = source.tensors().iter().filter(|info| info.is_matrix() && has_levels(info.format.id()));
    graded.map(|info| (info.name.clone(), info.format.block_len())).collect()
}

fn has_levels(id: &str) -> bool {
    quant_core::entries().iter().any(|entry| entry.format().id() == id && entry.levels().is_some())
}

/// The target of a format.
fn of_format(codecs: Codecs, id: &str) -> Result<QatTarget> {
    let entry = quant_core::entries().iter().find(|entry| entry.format().id() == id);
    let entry = entry.with_context(|| format!("format {id} is not known"))?;
    let quantizer = quant_core::quantizer(id, &QuantizeOptions::default())?;
    Ok(QatTarget::new(Arc::from(quantizer), Arc::new(codecs), entry.levels()))
}
