//! Q4_1: 32 codes of 4 bits, an F16 scale and an F16 minimum, 5 bits per weight. w = d·q + m.

mod dot;
mod encode;

use crate::block::BlockFormat;
use crate::formats::ggml::{self, Half, array_mut, interleave};
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

#[derive(Clone, Default)]
pub(crate) struct Q4_1;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Block {
    d: Half,
    m: Half,
    codes: [u8; 16],
}

impl BlockFormat for Q4_1 {
    const FORMAT: QuantFormat = ggml::format::<Block>("q4_1", 3, 32);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        let mut codes = [0; 32];
        interleave::unpack::<4, 16>(&block.codes, &mut codes);
        let (d, m) = (block.d.get(), block.m.get());
        for (out, code) in array_mut::<_, 32>(out).iter_mut().zip(codes) {
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
        codec_suites::<Q4_1, Q4_1>(&Q4_1, 0.007);
    }
}
