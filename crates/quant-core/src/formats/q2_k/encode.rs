//! Least-squares scales and minima.

use super::{Block, Q2K};
use crate::block::BlockEncoder;
use crate::formats::fit;
use crate::formats::ggml::{Half, array, interleave};
use crate::formats::k_quant::{AffineBlock, AffineLimits};

const LIMITS: AffineLimits = AffineLimits { code: 3, scale: 15, reach: 2 };

impl BlockEncoder for Q2K {
    type Format = Self;

    fn encode_block(&self, weights: &[f32], importance: Option<&[f32]>, bytes: &mut [u8]) {
        let fitted = AffineBlock::fit::<16>(array(weights), &fit::error_weights(importance), LIMITS);
        pack(&fitted, bytes);
    }
}

/// Writes a block of given scales (below 16), minima (below 16) and codes (below 4). `d` and `dmin` are rounded to F16.
pub(crate) fn pack(unpacked: &AffineBlock, bytes: &mut [u8]) {
    let block: &mut Block = bytemuck::from_bytes_mut(bytes);
    (block.d, block.dmin) = (Half::new(unpacked.d), Half::new(unpacked.dmin));
    block.scales = std::array::from_fn(|i| unpacked.scales[i] | unpacked.mins[i] << 4);
    interleave::pack::<2, 32>(&unpacked.codes, &mut block.codes);
}
