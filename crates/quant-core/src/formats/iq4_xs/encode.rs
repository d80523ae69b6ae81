//! Least-squares scales with 6 bits and a sign, as those of Q3_K.

use super::{Block, Iq4Xs};
use crate::block::BlockEncoder;
use crate::formats::fit::{self, IntRange};
use crate::formats::ggml::{Half, array, interleave};
use crate::formats::iq4_nl::encode::Table;
use crate::formats::k_quant::{SymmetricBlock, SymmetricLimits};

const LIMITS: SymmetricLimits<Table> =
    SymmetricLimits { codes: Table, scales: IntRange::new(-32, 31), reach: 2 };

impl BlockEncoder for Iq4Xs {
    type Format = Self;

    fn encode_block(&self, weights: &[f32], importance: Option<&[f32]>, bytes: &mut [u8]) {
        let block: &mut Block = bytemuck::from_bytes_mut(bytes);
        let fitted = SymmetricBlock::fit::<32, _>(array(weights), &fit::error_weights(importance), LIMITS);
        block.d = Half::new(fitted.d);
        let (mut low, mut high) = ([0; 8], 0);
        for (sub, scale) in fitted.scales[..8].iter().enumerate() {
            let scale = (scale + 32) as u8;
            low[sub] = scale & 15;
            high |= u16::from(scale >> 4) << (2 * sub);
        }
        block.scales_high = high.to_le_bytes();
        interleave::pack::<4, 1>(&low, &mut block.scales_low);
        for (out, values) in block.codes.iter_mut().zip(fitted.codes.as_chunks::<32>().0) {
            interleave::pack::<4, 16>(&values.map(|value| Table::code(f32::from(value))), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::codec_suites;

    #[test]
    fn conformance() {
        codec_suites::<Iq4Xs, Iq4Xs>(&Iq4Xs, 0.008);
    }
}
