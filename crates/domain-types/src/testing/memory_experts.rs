//! Experts of F32 weights in memory.

use super::gaussian_like;
use crate::{ExpertId, ExpertLayout, ExpertPart, ExpertStore, Grade, PortError, Shape, scalar};
use alloc::format;
use alloc::vec::Vec;

/// A store of random experts, each of its own weights; no low copies.
#[derive(Debug, Clone)]
pub struct MemoryExperts {
    layers: usize,
    experts: usize,
    copies: Vec<(ExpertLayout, Vec<u8>)>,
}

impl MemoryExperts {
    /// `layers` of `experts`, each of matrices `ffn_width` × `width` and back. `sha256` hashes: this crate has no hash
    /// function.
    pub fn new(
        [layers, experts]: [usize; 2],
        [width, ffn_width]: [usize; 2],
        sha256: impl Fn(&[u8]) -> [u8; 32],
    ) -> Self {
        let up = Shape::matrix(ffn_width, width).expect("test shapes are usable");
        let down = Shape::matrix(width, ffn_width).expect("test shapes are usable");
        let parts = [up, up, down].map(|shape| (scalar::F32, shape));
        let copy = |seed| {
            let weights = gaussian_like(seed, 3 * width * ffn_width);
            let bytes: Vec<u8> = weights.iter().flat_map(|w| w.to_le_bytes()).collect();
            (ExpertLayout::new(parts, sha256(&bytes)).expect("the matrices fit"), bytes)
        };
        Self { layers, experts, copies: (0..layers * experts).map(|i| copy(i as u64)).collect() }
    }

    fn at(&self, id: ExpertId) -> Option<&(ExpertLayout, Vec<u8>)> {
        let known = id.layer < self.layers && id.expert < self.experts;
        known.then(|| &self.copies[id.index(self.experts)])
    }

    /// The bytes of gate, up and down of an expert, without gaps.
    ///
    /// # Panics
    /// If there is no such expert.
    pub fn bytes(&self, id: ExpertId) -> &[u8] {
        &self.at(id).expect("the expert exists").1
    }
}

impl ExpertStore for MemoryExperts {
    fn layers(&self) -> usize {
        self.layers
    }

    fn experts(&self) -> usize {
        self.experts
    }

    fn layout(&self, id: ExpertId, grade: Grade) -> Option<&ExpertLayout> {
        self.at(id).filter(|_| grade == Grade::Full).map(|(layout, _)| layout)
    }

    fn read(&self, id: ExpertId, grade: Grade, buffer: &mut [u8]) -> Result<(), PortError> {
        let found = self.at(id).filter(|_| grade == Grade::Full);
        let (layout, bytes) = found.ok_or_else(|| PortError::not_found("expert", format!("{id:?}")))?;
        let mut rest = &bytes[..];
        for part in ExpertPart::ALL {
            let range = layout.range(part);
            let (bytes, after) = rest.split_at(range.len());
            buffer[range].copy_from_slice(bytes);
            rest = after;
        }
        Ok(())
    }
}
