//! Q4_K: sub-blocks of 32 codes of 4 bits with a 6-bit scale and a 6-bit minimum, 4.5 bits per weight.
//! w = (d·scale)·q − dmin·min.

mod dot;
mod encode;

use crate::block::BlockFormat;
use crate::formats::ggml::{self, Half, SUPER_BLOCK, array_mut, interleave};
use crate::formats::k_quant::{AffineBlock, PackedScales};
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

#[derive(Clone, Default)]
pub(crate) struct Q4K;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Block {
    d: Half,
    dmin: Half,
    scales: PackedScales,
    codes: [u8; 128],
}

impl BlockFormat for Q4K {
    const FORMAT: QuantFormat = ggml::format::<Block>("q4_k", 12, SUPER_BLOCK);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        let mut codes = [0; SUPER_BLOCK];
        interleave::unpack::<4, 32>(&block.codes, &mut codes);
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
        codec_suites::<Q4K, Q4K>(&Q4K, 0.005);
    }
}
