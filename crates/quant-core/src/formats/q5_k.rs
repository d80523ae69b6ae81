//! Q5_K: sub-blocks of 32 codes of 5 bits with a 6-bit scale and a 6-bit minimum, 5.5 bits per weight.
//! w = (d·scale)·q − dmin·min.

mod dot;
mod encode;

use crate::block::BlockFormat;
use crate::formats::ggml::{self, Half, SUPER_BLOCK, array_mut, interleave};
use crate::formats::k_quant::{AffineBlock, PackedScales};
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

#[derive(Clone, Default)]
pub(crate) struct Q5K;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Block {
    d: Half,
    dmin: Half,
    scales: PackedScales,
    /// The fifth bit of each code.
    high: [u8; 32],
    low: [u8; 128],
}

impl BlockFormat for Q5K {
    const FORMAT: QuantFormat = ggml::format::<Block>("q5_k", 13, SUPER_BLOCK);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        let (mut codes, mut high) = ([0; SUPER_BLOCK], [0; SUPER_BLOCK]);
        interleave::unpack::<4, 32>(&block.low, &mut codes);
        interleave::unpack::<1, 32>(&block.high, &mut high);
        for (code, high) in codes.iter_mut().zip(high) {
            *code |= high << 4;
        }
        let (scales, mins) = block.scales.get();
        AffineBlock::of_eight((block.d.get(), block.dmin.get()), scales, mins, codes)
            .decode::<32>(array_mut(out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::codec_suites;

    #[test]
    fn conformance() {
        codec_suites::<Q5K, Q5K>(&Q5K, 0.0015);
    }
}
