//! Least-squares scales.

use super::{Block, Q3K, Scales};
use crate::block::BlockEncoder;
use crate::formats::fit::{self, IntRange};
use crate::formats::ggml::{Half, array, interleave};
use crate::formats::k_quant::{SymmetricBlock, SymmetricLimits};

const LIMITS: SymmetricLimits =
    SymmetricLimits { codes: IntRange::new(-4, 3), scales: IntRange::new(-32, 31), reach: 2 };

impl BlockEncoder for Q3K {
    type Format = Self;

    fn encode_block(&self, weights: &[f32], importance: Option<&[f32]>, bytes: &mut [u8]) {
        pack(&SymmetricBlock::fit::<16, _>(array(weights), &fit::error_weights(importance), LIMITS), bytes);
    }
}

/// Writes a block of given scales (−32 to 31) and codes (−4 to 3). `d` is rounded to F16.
pub(crate) fn pack(unpacked: &SymmetricBlock, bytes: &mut [u8]) {
    let block: &mut Block = bytemuck::from_bytes_mut(bytes);
    block.d = Half::new(unpacked.d);
    block.scales = Scales::new(unpacked.scales);
    let codes = unpacked.codes.map(|q| (q + 4) as u8);
    interleave::pack::<2, 32>(&codes, &mut block.low);
    interleave::pack::<1, 32>(&codes.map(|q| q >> 2), &mut block.high);
}

impl Scales {
    fn new(scales: [i8; 16]) -> Self {
        let scales = scales.map(|s| (s + 32) as u8);
        let mut packed = Self { low: [0; 8], high: [0; 4] };
        interleave::pack::<4, 8>(&scales, &mut packed.low);
        interleave::pack::<2, 4>(&scales.map(|s| s >> 4), &mut packed.high);
        packed
    }
}
