//! Nearest entries at searched scales.

use super::{Block, Iq2Xxs, SubBlock};
use crate::block::BlockEncoder;
use crate::formats::ggml::{Half, array};
use crate::formats::i_quant::{Codebook, Lattice, grid};

static LATTICE: Lattice<8, 256> = Lattice { book: Codebook::new(&grid::IQ2_XXS), sub_len: 32, unit: 0.25 };

impl BlockEncoder for Iq2Xxs {
    type Format = Self;

    fn encode_block(&self, weights: &[f32], importance: Option<&[f32]>, bytes: &mut [u8]) {
        let block: &mut Block = bytemuck::from_bytes_mut(bytes);
        let fitted = LATTICE.fit(array(weights), importance);
        block.d = Half::new(fitted.d);
        for (sub, out) in block.subs.iter_mut().enumerate() {
            let mut bits = u32::from(fitted.scales[sub]) << 28;
            let mut entries = [0; 4];
            for (group, entry) in entries.iter_mut().enumerate() {
                *entry = fitted.entries(4 * sub + group)[0] as u8;
                bits |= fitted.signs(4 * sub + group) << (7 * group);
            }
            *out = SubBlock { entries, signs_and_scale: bits.to_le_bytes() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::codec_suites;

    #[test]
    fn conformance() {
        codec_suites::<Iq2Xxs, Iq2Xxs>(&Iq2Xxs, 0.13);
    }
}
