//! TQ1_0: 256 ternary codes, five to a byte, and an F16 scale, 1.6875 bits per weight. w = d·(q − 1).
//!
//! A byte holds five ternary digits as the fraction `byte / 256`: multiplying by 3 moves the next digit above the point.
//! Runs of 32, 16 and 4 bytes hold 5, 5 and 4 digits each; digit k of byte j is code j + k·run of its run.

mod encode;

use crate::block::BlockFormat;
use crate::formats::ggml::{self, Half, SUPER_BLOCK, array_mut};
use bytemuck::{Pod, Zeroable};
use domain_types::QuantFormat;

#[derive(Clone, Default)]
pub(crate) struct Tq1_0;

/// The bytes of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Block {
    first: [u8; 32],
    second: [u8; 16],
    last: [u8; 4],
    d: Half,
}

/// Weights in `first`, and in `first` and `second`.
const ENDS: [usize; 2] = [32 * 5, 32 * 5 + 16 * 5];

impl BlockFormat for Tq1_0 {
    const FORMAT: QuantFormat = ggml::format::<Block>("tq1_0", 34, SUPER_BLOCK);

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let block: &Block = bytemuck::from_bytes(bytes);
        let out: &mut [f32; SUPER_BLOCK] = array_mut(out);
        let d = block.d.get();
        decode_digits(d, block.first, &mut out[..ENDS[0]]);
        decode_digits(d, block.second, &mut out[ENDS[0]..ENDS[1]]);
        decode_digits(d, block.last, &mut out[ENDS[1]..]);
    }
}

#[inline]
fn decode_digits<const RUN: usize>(d: f32, mut fractions: [u8; RUN], out: &mut [f32]) {
    for out in out.as_chunks_mut::<RUN>().0 {
        for (out, fraction) in out.iter_mut().zip(&mut fractions) {
            let tripled = u16::from(*fraction) * 3;
            *out = d * (f32::from(tripled >> 8) - 1.0);
            *fraction = tripled as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::codec_suites;

    #[test]
    fn conformance() {
        codec_suites::<Tq1_0, Tq1_0>(&Tq1_0, 0.2);
    }
}
