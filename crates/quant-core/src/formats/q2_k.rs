//! Q2_K: sub-blocks of 16 codes of 2 bits with a 4-bit scale and a 4-bit minimum, 2.625 bits per weight.
//! w = (d·scale)·q − dmin·min.

mod dot;
mod encode;

pub(crate) use encode::pack;

use crate::block::BlockFormat;
use crate::formats::ggml::{self, Half, SUPER_BLOCK, array_mut, interleave};
use crate::formats::k_quant::AffineBlock;
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

#[derive(Clone, Default)]
pub(crate) struct Q2K;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Block {
    /// Scale in the low nibble, minimum in the high one.
    scales: [u8; 16],
    codes: [u8; 64],
    d: Half,
    dmin: Half,
}

impl BlockFormat for Q2K {
    const FORMAT: QuantFormat = ggml::format::<Block>("q2_k", 10, SUPER_BLOCK);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        let mut codes = [0; SUPER_BLOCK];
        interleave::unpack::<2, 32>(&block.codes, &mut codes);
        let (scales, mins) = (block.scales.map(|s| s & 15), block.scales.map(|s| s >> 4));
        AffineBlock { d: block.d.get(), dmin: block.dmin.get(), scales, mins, codes }
            .decode::<16>(array_mut(out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::codec_suites;

    #[test]
    fn conformance() {
        codec_suites::<Q2K, Q2K>(&Q2K, 0.08);
    }
}
