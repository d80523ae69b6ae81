//! Where the experts of a model lie.

use crate::context::Context;
use crate::model_ref::ModelRef;
use anyhow::{Context as _, Result, bail};
use domain_types::{
    ExpertId, ExpertLayout, ExpertPart, ExpertStore, Grade, PortError, QuantFormat, QuantTensor, Shape,
    TensorSource,
};
use model_store::GgufFile;
use moe_routing::{ExpertCopy, FileExperts, ModelSize, PlacedExpert};
use std::sync::Arc;

/// Names of a block's stacks after `blk.N.`, in the order of [`ExpertPart`].
pub(crate) const STACKS: [&str; 3] = ["ffn_gate_exps.weight", "ffn_up_exps.weight", "ffn_down_exps.weight"];

/// A store that reads a model's experts from its file, or from the program where the model is embedded.
pub(crate) fn store(
    context: &Context,
    model: &ModelRef,
    source: &dyn TensorSource,
) -> Result<Arc<dyn ExpertStore>> {
    let size = size(source)?;
    let Some(path) = model.file()? else { return Ok(Arc::new(EmbeddedExperts::new(source, size)?)) };
    let file = GgufFile::open(&path, &context.catalogue)?;
    let mut places = Vec::new();
    for (layer, expert) in ids(size) {
        let mut parts = Vec::with_capacity(3);
        for stack in STACKS {
            let name = format!("blk.{layer}.{stack}");
            let (format, shape) = matrix(&file, &name, size)?;
            let start = file.byte_range(&name).with_context(|| format!("{name} has no place"))?.start;
            parts.push((format, shape, (start + expert * format.byte_len(&shape)?) as u64));
        }
        let copy = ExpertCopy::full(ExpertId::new(layer, expert));
        places.push(PlacedExpert { copy, parts: [parts[0], parts[1], parts[2]], sha256: None });
    }
    Ok(Arc::new(FileExperts::open(&path, size, places)?.without_page_cache()))
}

/// Bytes of an expert, the largest where they differ.
pub(crate) fn expert_bytes(source: &dyn TensorSource) -> Result<u64> {
    let size = size(source)?;
    let mut most = 0;
    for layer in 0..size.layers() {
        let mut bytes = 0;
        for stack in STACKS {
            let (format, shape) = matrix(source, &format!("blk.{layer}.{stack}"), size)?;
            bytes += format.byte_len(&shape)? as u64;
        }
        most = most.max(bytes);
    }
    Ok(most)
}

fn size(source: &dyn TensorSource) -> Result<ModelSize> {
    let spec = source.spec()?;
    let Some(experts) = spec.experts else { bail!("the model is not a mixture of experts") };
    Ok(ModelSize::new(spec.layers, experts.gating.experts()))
}

fn ids(size: ModelSize) -> impl Iterator<Item = (usize, usize)> {
    (0..size.layers()).flat_map(move |layer| (0..size.experts()).map(move |expert| (layer, expert)))
}

/// Format and shape of one expert's matrix in a stack.
fn matrix(source: &dyn TensorSource, name: &str, size: ModelSize) -> Result<(QuantFormat, Shape)> {
    let info = source.info(name).with_context(|| format!("tensor {name} is missing"))?;
    let &[experts, rows, row_len] = info.shape.dims() else {
        bail!("tensor {name} is {}, not a stack of matrices", info.shape)
    };
    if experts != size.experts() {
        bail!("tensor {name} has {experts} experts, the metadata says {}", size.experts());
    }
    Ok((info.format, Shape::matrix(rows, row_len)?))
}

/// Experts of a model that is part of the program.
struct EmbeddedExperts {
    size: ModelSize,
    copies: Vec<(ExpertLayout, [QuantTensor; 3])>,
}

impl EmbeddedExperts {
    fn new(source: &dyn TensorSource, size: ModelSize) -> Result<Self> {
        let copies = ids(size).map(|(layer, expert)| {
            let mut tensors = Vec::with_capacity(3);
            for stack in STACKS {
                let name = format!("blk.{layer}.{stack}");
                let (format, shape) = matrix(source, &name, size)?;
                let len = format.byte_len(&shape)?;
                let bytes = source.tensor(&name)?.bytes().slice(expert * len..(expert + 1) * len);
                tensors.push(QuantTensor::new(format, shape, bytes)?);
            }
            let all: Vec<u8> = tensors.iter().flat_map(|t| t.bytes().iter().copied()).collect();
            let parts = [&tensors[0], &tensors[1], &tensors[2]];
            let layout = ExpertLayout::new(parts.map(|t| (*t.format(), *t.shape())), sha256(&all)?)?;
            Ok((layout, parts.map(Clone::clone)))
        });
        Ok(Self { size, copies: copies.collect::<Result<_>>()? })
    }

    fn at(&self, id: ExpertId, grade: Grade) -> Option<&(ExpertLayout, [QuantTensor; 3])> {
        let known = grade == Grade::Full && id.layer < self.size.layers() && id.expert < self.size.experts();
        known.then(|| &self.copies[id.index(self.size.experts())])
    }
}

impl ExpertStore for EmbeddedExperts {
    fn layers(&self) -> usize {
        self.size.layers()
    }

    fn experts(&self) -> usize {
        self.size.experts()
    }

    fn layout(&self, id: ExpertId, grade: Grade) -> Option<&ExpertLayout> {
        self.at(id, grade).map(|(layout, _)| layout)
    }

    fn read(&self, id: ExpertId, grade: Grade, buffer: &mut [u8]) -> Result<(), PortError> {
        let found = self.at(id, grade).ok_or_else(|| PortError::not_found("expert", format!("{id:?}")))?;
        for (part, tensor) in ExpertPart::ALL.into_iter().zip(&found.1) {
            buffer[found.0.range(part)].copy_from_slice(tensor.bytes());
        }
        Ok(())
    }
}

fn sha256(bytes: &[u8]) -> Result<[u8; 32]> {
    let hex = model_store::sha256_bytes(bytes);
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair)?, 16)?;
    }
    Ok(hash)
}
