//! Least-squares scale and minimum.

use super::{Block, Q5_1};
use crate::block::BlockEncoder;
use crate::formats::fit::{self, AffineFit, IntRange, Levels};
use crate::formats::ggml::{Half, array, five_bits::FiveBits};

impl BlockEncoder for Q5_1 {
    type Format = Self;

    fn encode_block(&self, weights: &[f32], importance: Option<&[f32]>, bytes: &mut [u8]) {
        let block: &mut Block = bytemuck::from_bytes_mut(bytes);
        let weights = array::<_, 32>(weights);
        let grid = AffineFit::stored_as_f16(31).fit(weights, &fit::error_weights(importance));
        (block.d, block.m) = (Half::new(grid.scale), Half::new(grid.min));
        let (inverse, m) = (fit::inverse(block.d.get()), block.m.get());
        block.codes = FiveBits::new(&weights.map(|w| IntRange::new(0, 31).nearest((w - m) * inverse) as u8));
    }
}
