//! Nearest entries at searched scales.

use super::{Block, Iq2Xs};
use crate::block::BlockEncoder;
use crate::formats::ggml::{Half, array, interleave};
use crate::formats::i_quant::{Codebook, Lattice, grid};

static LATTICE: Lattice<8, 512> = Lattice { book: Codebook::new(&grid::IQ2_XS), sub_len: 16, unit: 0.25 };

impl BlockEncoder for Iq2Xs {
    type Format = Self;

    fn encode_block(&self, weights: &[f32], importance: Option<&[f32]>, bytes: &mut [u8]) {
        let block: &mut Block = bytemuck::from_bytes_mut(bytes);
        let fitted = LATTICE.fit(array(weights), importance);
        block.d = Half::new(fitted.d);
        for (group, out) in block.groups.iter_mut().enumerate() {
            *out = (fitted.entries(group)[0] | (fitted.signs(group) as u16) << 9).to_le_bytes();
        }
        interleave::pack::<4, 1>(&fitted.scales, &mut block.scales);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::codec_suites;

    #[test]
    fn conformance() {
        codec_suites::<Iq2Xs, Iq2Xs>(&Iq2Xs, 0.1);
    }
}
