//! UQ2 and UQ3: the absmax uniform baseline. Storage of PiQ2 and PiQ3, step = max|w| / 2^(b−1).
//!
//! They exist to be compared with: PiQ differs from them by its step alone.

mod dot;

use crate::codec::BlockQuantizer;
use crate::grid::{Grid, GridEncoder, GridFormat, ScaleRule, Statistic};
use crate::rounding::ScaledFormat;
use crate::{QuantError, QuantizeOptions};
use domain_types::Quantizer;

/// Two's-complement levels of 2 bits.
pub(super) const UNIFORM_2: Grid = Grid::new(&[-2.0, -1.0, 0.0, 1.0]);
/// Two's-complement levels of 3 bits.
pub(super) const UNIFORM_3: Grid = Grid::new(&[-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]);

/// step × level as Q2_K computes it: a zero is +0. All products and the difference are exact.
#[inline]
pub(super) fn value_2(code: u8, step: f32) -> f32 {
    step * f32::from(code) - 2.0 * step
}

/// step × level as Q3_K computes it: a zero has the step's sign. The product is exact.
#[inline]
pub(super) fn value_3(code: u8, step: f32) -> f32 {
    step * (f32::from(code) - 4.0)
}

/// The quantizer. It has no options: a fitted step would make it PiQ.
#[expect(clippy::unnecessary_wraps, reason = "the signature of the table of formats")]
pub(crate) fn make<F: GridFormat>(_: QuantizeOptions) -> Result<Box<dyn Quantizer>, QuantError> {
    Ok(Box::new(BlockQuantizer(encoder::<F>())))
}

/// The format as rounding with a Hessian sees it.
#[expect(clippy::unnecessary_wraps, reason = "the signature of the table of formats")]
pub(crate) fn scaled<F: GridFormat>(_: QuantizeOptions) -> Result<Box<dyn ScaledFormat>, QuantError> {
    Ok(Box::new(encoder::<F>()))
}

fn encoder<F: GridFormat>() -> GridEncoder<F> {
    let lowest = (1 << (F::BITS - 1)) as f32;
    GridEncoder::new(ScaleRule::ClosedForm(Statistic::LargestMagnitude, lowest.recip()))
}

/// Layout of PiQ2; the step is not negative.
pub(crate) struct Uq2;

impl GridFormat for Uq2 {
    const ID: &'static str = "uq2";
    const BLOCK_LEN: usize = 256;
    const BITS: usize = 2;
    const GRID: Grid = UNIFORM_2;

    #[inline]
    fn value(code: u8, scale: f32) -> f32 {
        value_2(code, scale)
    }
}

/// Layout of PiQ3; the step is not negative.
pub(crate) struct Uq3;

impl GridFormat for Uq3 {
    const ID: &'static str = "uq3";
    const BLOCK_LEN: usize = 256;
    const BITS: usize = 3;
    const GRID: Grid = UNIFORM_3;

    #[inline]
    fn value(code: u8, scale: f32) -> f32 {
        value_3(code, scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{codec_suites, gaussian_mse};

    #[test]
    fn conformance() {
        codec_suites::<Uq2, _>(&encoder::<Uq2>(), 0.23);
        codec_suites::<Uq3, _>(&encoder::<Uq3>(), 0.06);
    }

    #[test]
    fn error_on_normal_weights() {
        gaussian_mse(&encoder::<Uq2>(), 0.2098, 0.01);
        gaussian_mse(&encoder::<Uq3>(), 0.0511, 0.01);
    }
}
