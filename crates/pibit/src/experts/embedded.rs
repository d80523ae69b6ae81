//! Experts of a model that is part of the program.

use super::places::{expert_ids, model_size};
use anyhow::Result;
use domain_types::{
    ExpertId, ExpertLayout, ExpertMatrix, ExpertPart, ExpertStore, Grade, PortError, QuantTensor,
    TensorSource,
};
use moe_routing::ModelSize;

/// An [`ExpertStore`] whose experts are in memory all the time.
pub(super) struct EmbeddedExperts {
    size: ModelSize,
    copies: Vec<(ExpertLayout, [QuantTensor; 3])>,
}

impl EmbeddedExperts {
    pub(super) fn new(source: &dyn TensorSource) -> Result<Self> {
        let size = model_size(source)?;
        let copies = expert_ids(size).map(|id| {
            let part = |part| ExpertMatrix::find(source, id, part, size.experts())?.read(source);
            let [gate, up, down] = ExpertPart::ALL.map(part);
            let parts = [gate?, up?, down?];
            let all: Vec<u8> = parts.iter().flat_map(|t| t.bytes().iter().copied()).collect();
            let described = parts.each_ref().map(|t| (*t.format(), *t.shape()));
            Ok((ExpertLayout::new(described, sha256(&all)?)?, parts))
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
