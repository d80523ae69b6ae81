//! Q6_K: sub-blocks of 16 codes of 6 bits with a signed 8-bit scale, 6.5625 bits per weight. w = (d·scale)·(q − 32).

mod dot;
mod encode;

use crate::block::BlockFormat;
use crate::formats::ggml::{self, Half, SUPER_BLOCK, array_mut, interleave};
use crate::formats::k_quant::SymmetricBlock;
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

#[derive(Clone, Default)]
pub(crate) struct Q6K;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Block {
    low: [u8; 128],
    /// The two high bits of each code.
    high: [u8; 64],
    scales: [i8; 16],
    d: Half,
}

impl BlockFormat for Q6K {
    const FORMAT: QuantFormat = ggml::format::<Block>("q6_k", 14, SUPER_BLOCK);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        let (mut low, mut high) = ([0; SUPER_BLOCK], [0; SUPER_BLOCK]);
        interleave::unpack::<4, 64>(&block.low, &mut low);
        interleave::unpack::<2, 32>(&block.high, &mut high);
        let codes = std::array::from_fn(|i| (low[i] | high[i] << 4) as i8 - 32);
        SymmetricBlock { d: block.d.get(), scales: block.scales, codes }.decode(array_mut(out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::codec_suites;

    #[test]
    fn conformance() {
        codec_suites::<Q6K, Q6K>(&Q6K, 4e-4);
    }
}
