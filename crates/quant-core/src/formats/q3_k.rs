//! Q3_K: sub-blocks of 16 codes of 3 bits with a signed 6-bit scale, 3.4375 bits per weight. w = (d·scale)·(q − 4).

mod dot;
mod encode;

pub(crate) use encode::pack;

use crate::block::BlockFormat;
use crate::formats::ggml::{self, Half, SUPER_BLOCK, array_mut, interleave};
use crate::formats::k_quant::SymmetricBlock;
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

#[derive(Clone, Default)]
pub(crate) struct Q3K;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Block {
    /// The third bit of each code.
    high: [u8; 32],
    low: [u8; 64],
    scales: Scales,
    d: Half,
}

/// Sixteen scales of 6 bits, 32 too large: low nibbles, then the high pairs.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Scales {
    low: [u8; 8],
    high: [u8; 4],
}

impl Scales {
    #[inline]
    fn get(&self) -> [i8; 16] {
        let (mut low, mut high) = ([0; 16], [0; 16]);
        interleave::unpack::<4, 8>(&self.low, &mut low);
        interleave::unpack::<2, 4>(&self.high, &mut high);
        std::array::from_fn(|i| (low[i] | high[i] << 4) as i8 - 32)
    }
}

impl BlockFormat for Q3K {
    const FORMAT: QuantFormat = ggml::format::<Block>("q3_k", 11, SUPER_BLOCK);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        let (mut low, mut high) = ([0; SUPER_BLOCK], [0; SUPER_BLOCK]);
        interleave::unpack::<2, 32>(&block.low, &mut low);
        interleave::unpack::<1, 32>(&block.high, &mut high);
        let codes = std::array::from_fn(|i| (low[i] | high[i] << 2) as i8 - 4);
        SymmetricBlock { d: block.d.get(), scales: block.scales.get(), codes }.decode(array_mut(out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::codec_suites;

    #[test]
    fn conformance() {
        codec_suites::<Q3K, Q3K>(&Q3K, 0.022);
    }
}
