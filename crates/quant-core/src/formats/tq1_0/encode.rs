//! Least-squares scale, as in TQ2_0.

use super::{Block, ENDS, Tq1_0};
use crate::block::BlockEncoder;
use crate::formats::ggml::{Half, SUPER_BLOCK, array};
use crate::formats::{fit, ternary};

impl BlockEncoder for Tq1_0 {
    type Format = Self;

    fn encode_block(&self, weights: &[f32], importance: Option<&[f32]>, bytes: &mut [u8]) {
        let block: &mut Block = bytemuck::from_bytes_mut(bytes);
        let weights = array::<_, SUPER_BLOCK>(weights);
        block.d = Half::new(ternary::scale(weights, &fit::error_weights::<SUPER_BLOCK>(importance)));
        let d = block.d.get();
        let codes = weights.map(|w| ternary::code(w, d));
        block.first = encode_digits(&codes[..ENDS[0]]);
        block.second = encode_digits(&codes[ENDS[0]..ENDS[1]]);
        block.last = encode_digits(&codes[ENDS[1]..]);
    }
}

/// The smallest fractions that give these digits, the first digit first.
fn encode_digits<const RUN: usize>(codes: &[u8]) -> [u8; RUN] {
    std::array::from_fn(|j| {
        let digits = (0..5).map(|k| codes.get(j + k * RUN).copied().unwrap_or(0));
        let number = digits.fold(0_u32, |number, digit| number * 3 + u32::from(digit));
        (number * 256).div_ceil(243) as u8
    })
}
