//! Least-squares scales.

use super::{Block, Q6K};
use crate::block::BlockEncoder;
use crate::formats::fit::{self, IntRange};
use crate::formats::ggml::{Half, array, interleave};
use crate::formats::k_quant::{SymmetricBlock, SymmetricLimits};

const LIMITS: SymmetricLimits =
    SymmetricLimits { codes: IntRange::new(-32, 31), scales: IntRange::new(-128, 127), reach: 1 };

impl BlockEncoder for Q6K {
    type Format = Self;

    fn encode_block(&self, weights: &[f32], importance: Option<&[f32]>, bytes: &mut [u8]) {
        let block: &mut Block = bytemuck::from_bytes_mut(bytes);
        let fitted = SymmetricBlock::fit::<16, _>(array(weights), &fit::error_weights(importance), LIMITS);
        (block.d, block.scales) = (Half::new(fitted.d), fitted.scales);
        let codes = fitted.codes.map(|q| (q + 32) as u8);
        interleave::pack::<4, 64>(&codes, &mut block.low);
        interleave::pack::<2, 32>(&codes.map(|q| q >> 4), &mut block.high);
    }
}
