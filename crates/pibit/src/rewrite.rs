//! Writing a model that was made from another, tensor by tensor: memory stays at one tensor.

use crate::context::Context;
use crate::stage;
use anyhow::Result;
use domain_types::{DomainEvent, Metadata, QuantTensor, TensorInfo};
use model_store::GgufWriter;
use std::path::Path;

/// What to write where.
pub(crate) struct Rewritten<'a> {
    pub(crate) infos: Vec<TensorInfo>,
    pub(crate) metadata: Metadata,
    /// SHA-256 of what the model is made from, if from anything.
    pub(crate) source_sha256: Option<&'a str>,
    pub(crate) output: &'a Path,
}

/// What was written.
pub(crate) struct Written {
    pub(crate) bytes: u64,
    pub(crate) config_sha256: String,
}

/// Writes the file; `tensor(i)` makes tensor `i`. Nothing is left where anything fails.
pub(crate) fn write(
    context: &Context,
    what: &str,
    target: Rewritten<'_>,
    mut tensor: impl FnMut(usize) -> Result<QuantTensor>,
) -> Result<Written> {
    let path = target.output.display().to_string();
    let _span = stage::write(&path, target.infos.len()).entered();
    let weights = |info: &TensorInfo| info.shape.elements() as u64;
    let bar = context.progress.bar(what, target.infos.iter().map(weights).sum());
    let mut writer =
        GgufWriter::create(target.output, target.metadata, target.infos.clone(), target.source_sha256)?;
    for (index, info) in target.infos.iter().enumerate() {
        let _span = stage::tensor(&info.name, info.format.id()).entered();
        bar.set_message(info.name.clone());
        writer.push(&info.name, &tensor(index)?)?;
        bar.inc(weights(info));
    }
    bar.finish_and_clear();
    let report = stage::finish(&path).in_scope(|| writer.finish())?;
    context.sink.record(&DomainEvent::FileWritten {
        path,
        bytes: report.bytes,
        config_sha256: report.config_sha256.clone(),
    });
    Ok(Written { bytes: report.bytes, config_sha256: report.config_sha256 })
}
