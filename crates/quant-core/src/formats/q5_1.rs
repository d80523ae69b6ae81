//! Q5_1: 32 codes of 5 bits, an F16 scale and an F16 minimum, 6 bits per weight. w = d·q + m.

mod encode;

use crate::block::BlockFormat;
use crate::formats::ggml::{self, Half, array_mut, five_bits::FiveBits};
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

#[derive(Clone, Default)]
pub(crate) struct Q5_1;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Block {
    d: Half,
    m: Half,
    codes: FiveBits,
}

impl BlockFormat for Q5_1 {
    const FORMAT: QuantFormat = ggml::format::<Block>("q5_1", 7, 32);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        let (d, m) = (block.d.get(), block.m.get());
        for (out, code) in array_mut::<_, 32>(out).iter_mut().zip(block.codes.get()) {
            *out = d * f32::from(code) + m;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::codec_suites;

    #[test]
    fn conformance() {
        codec_suites::<Q5_1, Q5_1>(&Q5_1, 0.002);
    }
}
