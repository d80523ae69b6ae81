//! Nearest entries at searched scales.

use super::{Block, Iq3Xxs};
use crate::block::BlockEncoder;
use crate::formats::ggml::{Half, array};
use crate::formats::i_quant::{Codebook, Lattice, grid};

static LATTICE: Lattice<4, 256> = Lattice { book: Codebook::new(&grid::IQ3_XXS), sub_len: 32, unit: 0.5 };

impl BlockEncoder for Iq3Xxs {
    type Format = Self;

    fn encode_block(&self, weights: &[f32], importance: Option<&[f32]>, bytes: &mut [u8]) {
        let block: &mut Block = bytemuck::from_bytes_mut(bytes);
        let fitted = LATTICE.fit(array(weights), importance);
        block.d = Half::new(fitted.d);
        for (sub, (entries, out)) in block.entries.iter_mut().zip(&mut block.signs_and_scales).enumerate() {
            let mut bits = u32::from(fitted.scales[sub]) << 28;
            for (group, entries) in entries.as_chunks_mut().0.iter_mut().enumerate() {
                *entries = fitted.entries(4 * sub + group).map(|entry| entry as u8);
                bits |= fitted.signs(4 * sub + group) << (7 * group);
            }
            *out = bits.to_le_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::codec_suites;

    #[test]
    fn conformance() {
        codec_suites::<Iq3Xxs, Iq3Xxs>(&Iq3Xxs, 0.04);
    }
}
