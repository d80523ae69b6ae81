//! Where the experts of a model lie.

use super::embedded::EmbeddedExperts;
use crate::context::Context;
use crate::model_ref::ModelRef;
use anyhow::{Context as _, Result, bail};
use domain_types::{ExpertId, ExpertMatrix, ExpertPart, ExpertStore, TensorSource};
use model_store::GgufFile;
use moe_routing::{ExpertCopy, FileExperts, ModelSize, PlacedExpert};
use std::path::Path;
use std::sync::Arc;

/// A store that reads a model's experts from its file, or from the program where the model is embedded.
pub(crate) fn store(
    context: &Context,
    model: &ModelRef,
    source: &dyn TensorSource,
) -> Result<Arc<dyn ExpertStore>> {
    Ok(match model.file()? {
        Some(path) => Arc::new(file_store(context, &path)?.without_page_cache()),
        None => Arc::new(EmbeddedExperts::new(source)?),
    })
}

fn file_store(context: &Context, path: &Path) -> Result<FileExperts> {
    let file = GgufFile::open(path, &context.catalogue)?;
    let size = model_size(&file)?;
    let mut places = Vec::new();
    for id in expert_ids(size) {
        let mut parts = Vec::with_capacity(3);
        for part in ExpertPart::ALL {
            let matrix = ExpertMatrix::find(&file, id, part, size.experts())?;
            let tensor = file.byte_range(&matrix.tensor);
            let tensor = tensor.with_context(|| format!("{} has no place", matrix.tensor))?;
            parts.push((matrix.format, matrix.shape, (tensor.start + matrix.start) as u64));
        }
        places.push(PlacedExpert {
            copy: ExpertCopy::full(id),
            parts: [parts[0], parts[1], parts[2]],
            sha256: None,
        });
    }
    Ok(FileExperts::open(path, size, places)?)
}

/// Bytes of all experts.
pub(crate) fn all_expert_bytes(source: &dyn TensorSource) -> Result<u64> {
    let size = model_size(source)?;
    let mut bytes = 0;
    for id in expert_ids(size) {
        for part in ExpertPart::ALL {
            bytes += ExpertMatrix::find(source, id, part, size.experts())?.byte_len()? as u64;
        }
    }
    Ok(bytes)
}

/// Bytes of an expert, the mean where they differ.
pub(crate) fn expert_bytes(source: &dyn TensorSource) -> Result<u64> {
    let size = model_size(source)?;
    Ok(all_expert_bytes(source)?.div_ceil((size.layers() * size.experts()) as u64))
}

/// Blocks and experts of a mixture.
pub(crate) fn model_size(source: &dyn TensorSource) -> Result<ModelSize> {
    let spec = source.spec()?;
    let Some(experts) = spec.experts else { bail!("the model is not a mixture of experts") };
    Ok(ModelSize::new(spec.layers, experts.gating.experts()))
}

/// All experts, block after block.
pub(crate) fn expert_ids(size: ModelSize) -> impl Iterator<Item = ExpertId> {
    (0..size.layers()).flat_map(move |layer| (0..size.experts()).map(move |e| ExpertId::new(layer, e)))
}
