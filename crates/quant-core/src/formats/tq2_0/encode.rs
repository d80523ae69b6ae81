//! Least-squares scale; ggml's reference takes the largest magnitude, which sets nearly all normal weights to zero.

use super::{Block, Tq2_0};
use crate::block::BlockEncoder;
use crate::formats::ggml::{Half, SUPER_BLOCK, array, interleave};
use crate::formats::{fit, ternary};

impl BlockEncoder for Tq2_0 {
    type Format = Self;

    fn encode_block(&self, weights: &[f32], importance: Option<&[f32]>, bytes: &mut [u8]) {
        let weights = array::<_, SUPER_BLOCK>(weights);
        let d = Half::new(ternary::scale(weights, &fit::error_weights::<SUPER_BLOCK>(importance))).get();
        pack(d, &weights.map(|w| ternary::code(w, d)), bytes);
    }
}

/// Writes a block of given codes 0, 1, 2 (for −d, 0, d).
pub(crate) fn pack(d: f32, codes: &[u8; SUPER_BLOCK], bytes: &mut [u8]) {
    let block: &mut Block = bytemuck::from_bytes_mut(bytes);
    block.d = Half::new(d);
    interleave::pack::<2, 32>(codes, &mut block.codes);
}
