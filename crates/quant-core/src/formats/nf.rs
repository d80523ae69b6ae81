//! NF2, NF3 and NF4: NormalFloat, levels at quantiles of the normal distribution (QLoRA, Dettmers et al. 2023,
//! arXiv:2305.14314).
//!
//! Blocks of 64 with an F16 scale. Closed form: the scale is max|w|, as in bitsandbytes. Fitted: the scale of least
//! squared error, negative where the mirrored levels fit better.

mod dot;
mod levels;

use crate::codec::BlockQuantizer;
use crate::grid::{Grid, GridEncoder, GridFormat, ScaleRule, Statistic};
use crate::rounding::ScaledFormat;
use crate::{QuantError, QuantizeOptions};
use domain_types::Quantizer;
use levels::{NF2_LEVELS, NF3_LEVELS, NF4_LEVELS};

/// The quantizer. The levels are fixed, so constant and k have no meaning here.
#[expect(clippy::unnecessary_wraps, reason = "the signature of the table of formats")]
pub(crate) fn make<F: GridFormat>(options: QuantizeOptions) -> Result<Box<dyn Quantizer>, QuantError> {
    Ok(Box::new(BlockQuantizer(encoder::<F>(options))))
}

/// The format as rounding with a Hessian sees it.
#[expect(clippy::unnecessary_wraps, reason = "the signature of the table of formats")]
pub(crate) fn scaled<F: GridFormat>(options: QuantizeOptions) -> Result<Box<dyn ScaledFormat>, QuantError> {
    Ok(Box::new(encoder::<F>(options)))
}

fn encoder<F: GridFormat>(options: QuantizeOptions) -> GridEncoder<F> {
    GridEncoder::new(ScaleRule::from_option(options.step, (Statistic::LargestMagnitude, 1.0)))
}

/// Layout: F16 scale, then a plane of 2-bit codes.
pub(crate) struct Nf2;

impl GridFormat for Nf2 {
    const ID: &'static str = "nf2";
    const BLOCK_LEN: usize = 64;
    const BITS: usize = 2;
    const GRID: Grid = Grid::new(&NF2_LEVELS);

    #[inline]
    fn value(code: u8, scale: f32) -> f32 {
        scale * NF2_LEVELS[usize::from(code & 3)]
    }
}

/// Layout: F16 scale, then a plane of the codes' low two bits, then a plane of their high bits.
pub(crate) struct Nf3;

impl GridFormat for Nf3 {
    const ID: &'static str = "nf3";
    const BLOCK_LEN: usize = 64;
    const BITS: usize = 3;
    const GRID: Grid = Grid::new(&NF3_LEVELS);

    #[inline]
    fn value(code: u8, scale: f32) -> f32 {
        scale * NF3_LEVELS[usize::from(code & 7)]
    }
}

/// Layout: F16 scale, then a plane of 4-bit codes.
pub(crate) struct Nf4;

impl GridFormat for Nf4 {
    const ID: &'static str = "nf4";
    const BLOCK_LEN: usize = 64;
    const BITS: usize = 4;
    const GRID: Grid = Grid::new(&NF4_LEVELS);

    #[inline]
    fn value(code: u8, scale: f32) -> f32 {
        scale * NF4_LEVELS[usize::from(code & 15)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StepSearch;
    use crate::testing::{codec_suites, normal_mse};

    fn with<F: GridFormat>(step: StepSearch) -> GridEncoder<F> {
        encoder(QuantizeOptions { step, ..QuantizeOptions::default() })
    }

    #[test]
    fn conformance() {
        codec_suites::<Nf2, _>(&with::<Nf2>(StepSearch::Mse), 0.14);
        codec_suites::<Nf3, _>(&with::<Nf3>(StepSearch::Mse), 0.04);
        codec_suites::<Nf4, _>(&with::<Nf4>(StepSearch::Mse), 0.01);
        codec_suites::<Nf4, _>(&with::<Nf4>(StepSearch::Rms), 0.012);
    }

    fn fitted_and_absmax<F: GridFormat>() -> (f64, f64) {
        (normal_mse(&with::<F>(StepSearch::Mse), None), normal_mse(&with::<F>(StepSearch::Rms), None))
    }

    /// Searching the scale removes a fifth of the error or more, and no code beats Shannon's bound 4^-R at R bits per weight.
    #[test]
    fn fitted_scales_beat_absmax() {
        let results = [(2.25, fitted_and_absmax::<Nf2>()), (3.25, fitted_and_absmax::<Nf3>())];
        for (bits, (fitted, absmax)) in results.into_iter().chain([(4.25, fitted_and_absmax::<Nf4>())]) {
            println!("normal weights, {bits} bits: fitted {fitted:.5}, absmax {absmax:.5}");
            assert!(fitted < 0.82 * absmax && fitted > 0.25_f64.powf(bits), "{bits}: {fitted} {absmax}");
        }
    }
}
