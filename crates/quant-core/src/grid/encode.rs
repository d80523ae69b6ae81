//! Weights to codes: choose a scale, round it to F16, then round the weights to levels of that scale.

use super::{GridFormat, HEADER, MAX_BLOCK, ScaleRule};
use crate::block::BlockEncoder;
use crate::formats::write_f16;
use crate::planes::write_codes;
use std::marker::PhantomData;

/// Encodes grid format `F`.
pub(crate) struct GridEncoder<F> {
    pub(super) rule: ScaleRule,
    format: PhantomData<fn() -> F>,
}

impl<F> GridEncoder<F> {
    pub(crate) fn new(rule: ScaleRule) -> Self {
        Self { rule, format: PhantomData }
    }
}

impl<F> Clone for GridEncoder<F> {
    fn clone(&self) -> Self {
        Self::new(self.rule)
    }
}

impl<F: GridFormat> BlockEncoder for GridEncoder<F> {
    type Format = F;

    fn needs_importance(&self) -> bool {
        self.rule == ScaleRule::LeastSquares { weighted: true }
    }

    fn encode_block(&self, weights: &[f32], importance: Option<&[f32]>, bytes: &mut [u8]) {
        let scale = self.rule.scale(&F::GRID, weights, importance);
        // Codes follow the scale that will be read back.
        let scale = write_f16(bytes, scale);
        let mut codes = [0; MAX_BLOCK];
        let codes = &mut codes[..weights.len()];
        F::GRID.nearest(weights, scale, codes);
        write_codes(F::BITS, codes, &mut bytes[HEADER..]);
    }
}
