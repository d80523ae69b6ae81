//! Least-squares scale.

use super::{Block, Q5_0};
use crate::block::BlockEncoder;
use crate::formats::fit::{self, IntRange, Levels};
use crate::formats::ggml::{Half, array, five_bits::FiveBits};

const CODES: IntRange = IntRange::new(-16, 15);

impl BlockEncoder for Q5_0 {
    type Format = Self;

    fn encode_block(&self, weights: &[f32], importance: Option<&[f32]>, bytes: &mut [u8]) {
        let block: &mut Block = bytemuck::from_bytes_mut(bytes);
        let weights = array::<_, 32>(weights);
        block.d = Half::new(fit::scale(weights, &fit::error_weights(importance), CODES));
        let inverse = fit::inverse(block.d.get());
        block.codes = FiveBits::new(&weights.map(|w| (CODES.nearest(w * inverse) + 16.0) as u8));
    }
}
