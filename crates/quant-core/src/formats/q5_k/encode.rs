//! Least-squares scales and minima.

use super::{Block, Q5K};
use crate::block::BlockEncoder;
use crate::formats::fit;
use crate::formats::ggml::{Half, array, interleave};
use crate::formats::k_quant::{AffineBlock, AffineLimits, PackedScales};

const LIMITS: AffineLimits = AffineLimits { code: 31, scale: 63, reach: 1 };

impl BlockEncoder for Q5K {
    type Format = Self;

    fn encode_block(&self, weights: &[f32], importance: Option<&[f32]>, bytes: &mut [u8]) {
        let block: &mut Block = bytemuck::from_bytes_mut(bytes);
        let fitted = AffineBlock::fit::<32>(array(weights), &fit::error_weights(importance), LIMITS);
        (block.d, block.dmin) = (Half::new(fitted.d), Half::new(fitted.dmin));
        block.scales = PackedScales::new(*array(&fitted.scales[..8]), *array(&fitted.mins[..8]));
        interleave::pack::<4, 32>(&fitted.codes, &mut block.low);
        interleave::pack::<1, 32>(&fitted.codes.map(|q| q >> 4), &mut block.high);
    }
}
