//! Activations of 16 tokens side by side, for kernels with tokens in lanes.

use super::{ActivationBlock, BLOCK, STRIPS};
use crate::isa::PANEL_TOKENS;

/// Four neighbouring activations: what one instruction multiplies and adds.
pub(crate) const QUAD: usize = 4;

/// A block of 256 columns of 16 tokens.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct TokenPanel {
    /// By four columns, then tokens.
    pub(crate) codes: [[[i8; QUAD]; PANEL_TOKENS]; BLOCK / QUAD],
    /// What a code counts, per 32 columns.
    pub(crate) scales: [[f32; PANEL_TOKENS]; STRIPS],
    /// Sums of the real values of each 16 columns, in order.
    pub(crate) half_sums: [[f32; PANEL_TOKENS]; 2 * STRIPS],
    /// Those of each 32.
    pub(crate) strip_sums: [[f32; PANEL_TOKENS]; STRIPS],
    /// Those of all columns.
    pub(crate) sums: [f32; PANEL_TOKENS],
}

impl TokenPanel {
    /// Nothing but zeros.
    pub(crate) const ZERO: Self = Self {
        codes: [[[0; QUAD]; PANEL_TOKENS]; BLOCK / QUAD],
        scales: [[0.0; PANEL_TOKENS]; STRIPS],
        half_sums: [[0.0; PANEL_TOKENS]; 2 * STRIPS],
        strip_sums: [[0.0; PANEL_TOKENS]; STRIPS],
        sums: [0.0; PANEL_TOKENS],
    };

    /// Puts block `index` of up to 16 tokens (`per_token` blocks each) side by side; other lanes become zero.
    pub(crate) fn fill(&mut self, tokens: &[ActivationBlock], per_token: usize, index: usize) {
        *self = Self::ZERO;
        for (lane, token) in tokens.chunks_exact(per_token).enumerate() {
            let block = &token[index];
            for (quads, codes) in self.codes.iter_mut().zip(block.codes.as_flattened().as_chunks::<QUAD>().0)
            {
                quads[lane] = *codes;
            }
            for k in 0..STRIPS {
                self.scales[k][lane] = block.scale * f32::from(block.multipliers[k]);
                self.half_sums[2 * k][lane] = block.half_sums[k];
                self.half_sums[2 * k + 1][lane] = block.half_sums[STRIPS + k];
                self.strip_sums[k][lane] = block.half_sums[k] + block.half_sums[STRIPS + k];
            }
            self.sums[lane] = block.scale * block.sum as f32;
        }
    }
}
