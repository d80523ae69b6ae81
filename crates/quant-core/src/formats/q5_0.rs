//! Q5_0: 32 codes of 5 bits and an F16 scale, 5.5 bits per weight. w = d·(q − 16).

mod encode;

use crate::block::BlockFormat;
use crate::formats::ggml::{self, Half, array_mut, five_bits::FiveBits};
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

#[derive(Clone, Default)]
pub(crate) struct Q5_0;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Block {
    d: Half,
    codes: FiveBits,
}

impl BlockFormat for Q5_0 {
    const FORMAT: QuantFormat = ggml::format::<Block>("q5_0", 6, 32);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        let d = block.d.get();
        for (out, code) in array_mut::<_, 32>(out).iter_mut().zip(block.codes.get()) {
            *out = d * (f32::from(code) - 16.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::codec_suites;

    #[test]
    fn conformance() {
        codec_suites::<Q5_0, Q5_0>(&Q5_0, 0.003);
    }
}
