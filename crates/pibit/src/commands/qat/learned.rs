//! Files of what was learned over frozen matrices.

use super::Args;
use crate::adapter::{self, NewAdapter};
use crate::context::Context;
use crate::model_ref::ModelRef;
use crate::rewrite::{self, Rewritten};
use anyhow::{Result, bail};
use domain_types::TensorSource;
use qat_training::{LoraConfig, QatModel};
use std::collections::HashMap;

/// Refuses models whose norms have no gains.
pub(super) fn check_norms(source: &dyn TensorSource) -> Result<()> {
    if source.spec()?.rotation.is_some_and(|rotation| rotation.residual) {
        bail!(
            "the residual stream of this model is rotated, so its norms have no gains to train; use --lora"
        );
    }
    Ok(())
}

/// Writes an adapter to the output.
pub(super) fn write_adapter(
    context: &Context,
    args: &Args,
    base: &ModelRef,
    source: &dyn TensorSource,
    (config, trained): (&LoraConfig, &QatModel),
) -> Result<u64> {
    let adapter = NewAdapter {
        base_sha256: &base.sha256()?,
        architecture: &source.spec()?.architecture,
        alpha: config.alpha,
        tensors: &trained.tensors,
    };
    adapter::write(context, &adapter, &args.output)
}

/// Writes the base with other norms: all else is copied bit for bit.
pub(super) fn write_norms(
    context: &Context,
    args: &Args,
    base: &ModelRef,
    source: &dyn TensorSource,
    trained: &QatModel,
) -> Result<u64> {
    let norms: HashMap<_, _> = trained.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let mut infos = source.tensors().to_vec();
    for info in &mut infos {
        if let Some(norm) = norms.get(info.name.as_str()) {
            info.format = *norm.format();
        }
    }
    let names: Vec<String> = infos.iter().map(|info| info.name.clone()).collect();
    let sha256 = base.sha256()?;
    let target = Rewritten {
        infos,
        metadata: source.metadata().clone(),
        source_sha256: Some(&sha256),
        output: &args.output,
    };
    let written = rewrite::write(context, "write", target, |i| match norms.get(names[i].as_str()) {
        Some(norm) => Ok((*norm).clone()),
        None => Ok(source.tensor(&names[i])?),
    })?;
    Ok(written.bytes)
}
