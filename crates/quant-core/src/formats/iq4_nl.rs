//! IQ4_NL: 32 codes into a table of 16 values and an F16 scale, 4.5 bits per weight. w = d·VALUES\[q\].
//!
//! The values are the points of a cubic polynomial, denser around zero (llama.cpp, pull request 5590).

mod dot;
pub(crate) mod encode;

use crate::block::BlockFormat;
use crate::formats::ggml::{self, Half, array_mut};
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

/// The values of the codes.
pub(crate) const VALUES: [f32; 16] = [
    -127.0, -104.0, -83.0, -65.0, -49.0, -35.0, -22.0, -10.0, 1.0, 13.0, 25.0, 38.0, 53.0, 69.0, 89.0, 113.0,
];

#[derive(Clone, Default)]
pub(crate) struct Iq4Nl;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Block {
    d: Half,
    codes: [u8; 16],
}

impl BlockFormat for Iq4Nl {
    const FORMAT: QuantFormat = ggml::format::<Block>("iq4_nl", 20, 32);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        decode_values(block.d.get(), &block.codes, array_mut(out));
    }
}

/// Decodes the codes of 32 weights with scale `d`.
#[inline]
pub(crate) fn decode_values(d: f32, codes: &[u8; 16], out: &mut [f32; 32]) {
    let (low, high) = out.split_at_mut(16);
    for ((low, high), byte) in low.iter_mut().zip(high).zip(codes) {
        *low = d * VALUES[usize::from(byte & 15)];
        *high = d * VALUES[usize::from(byte >> 4)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::codec_suites;

    #[test]
    fn conformance() {
        codec_suites::<Iq4Nl, Iq4Nl>(&Iq4Nl, 0.008);
    }
}
