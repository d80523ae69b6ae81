//! Least-squares scale.

use super::{Block, Q4_0};
use crate::block::BlockEncoder;
use crate::formats::fit::{self, IntRange, Levels};
use crate::formats::ggml::{Half, array, interleave};

const CODES: IntRange = IntRange::new(-8, 7);

impl BlockEncoder for Q4_0 {
    type Format = Self;

    fn encode_block(&self, weights: &[f32], importance: Option<&[f32]>, bytes: &mut [u8]) {
        let block: &mut Block = bytemuck::from_bytes_mut(bytes);
        let weights = array::<_, 32>(weights);
        block.d = Half::new(fit::scale(weights, &fit::error_weights(importance), CODES));
        let inverse = fit::inverse(block.d.get());
        let codes = weights.map(|w| (CODES.nearest(w * inverse) + 8.0) as u8);
        interleave::pack::<4, 16>(&codes, &mut block.codes);
    }
}
