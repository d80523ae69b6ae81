//! TQ2_0: 256 ternary codes of 2 bits and an F16 scale, 2.0625 bits per weight. w = d·(q − 1).
//!
//! Ternary formats for BitNet b1.58 and TriLM: llama.cpp, pull request 8151.

mod dot;
mod encode;

pub(crate) use encode::pack;

use crate::block::BlockFormat;
use crate::formats::ggml::{self, Half, SUPER_BLOCK, array_mut, interleave};
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

#[derive(Clone, Default)]
pub(crate) struct Tq2_0;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Block {
    codes: [u8; 64],
    d: Half,
}

impl BlockFormat for Tq2_0 {
    const FORMAT: QuantFormat = ggml::format::<Block>("tq2_0", 35, SUPER_BLOCK);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        let mut codes = [0; SUPER_BLOCK];
        interleave::unpack::<2, 32>(&block.codes, &mut codes);
        let d = block.d.get();
        for (out, code) in array_mut::<_, SUPER_BLOCK>(out).iter_mut().zip(codes) {
            *out = d * (f32::from(code) - 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::codec_suites;

    #[test]
    fn conformance() {
        codec_suites::<Tq2_0, Tq2_0>(&Tq2_0, 0.2);
    }
}
