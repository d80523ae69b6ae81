//! PiT: ternary weights −γ, 0, +γ with 2-bit codes, 2.0625 bits per weight.
//!
//! Closed form: γ is the block's mean magnitude (absmean, BitNet b1.58, Ma et al. 2024, arXiv:2402.17764), times c/k
//! where the options name k (π-ternary). Fitted: γ and the rounding threshold γ/2 of least squared error.

mod dot;

use crate::codec::BlockQuantizer;
use crate::grid::{Grid, GridEncoder, GridFormat, ScaleRule, Statistic};
use crate::rounding::ScaledFormat;
use crate::{QuantError, QuantizeOptions};
use domain_types::Quantizer;

/// The quantizer.
pub(crate) fn make(options: QuantizeOptions) -> Result<Box<dyn Quantizer>, QuantError> {
    Ok(Box::new(BlockQuantizer(encoder(options)?)))
}

/// The format as rounding with a Hessian sees it.
pub(crate) fn scaled(options: QuantizeOptions) -> Result<Box<dyn ScaledFormat>, QuantError> {
    Ok(Box::new(encoder(options)?))
}

fn encoder(options: QuantizeOptions) -> Result<GridEncoder<PiT>, QuantError> {
    let factor = match options.k {
        Some(k) => options.grid_factor(PiT::ID, k)?,
        None => 1.0,
    };
    Ok(GridEncoder::new(ScaleRule::from_option(options.step, (Statistic::MeanMagnitude, factor))))
}

/// Layout: F16 γ, then a plane of 2-bit codes; code = level + 1. Code 3 is never written; it reads as +2γ, as in
/// ggml's TQ2_0.
pub(crate) struct PiT;

impl GridFormat for PiT {
    const ID: &'static str = "pit";
    const BLOCK_LEN: usize = 256;
    const BITS: usize = 2;
    const GRID: Grid = Grid::new(&[-1.0, 0.0, 1.0]);

    #[inline]
    fn value(code: u8, scale: f32) -> f32 {
        scale * (f32::from(code) - 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StepSearch;
    use crate::block::BlockEncoder;
    use crate::grid::codes_of;
    use crate::testing::{codec_suites, gaussian_mse};
    use proptest::prelude::*;

    fn with(step: StepSearch, k: Option<u8>) -> GridEncoder<PiT> {
        encoder(QuantizeOptions { step, k, ..QuantizeOptions::default() }).expect("valid options")
    }

    #[test]
    fn conformance() {
        codec_suites::<PiT, _>(&with(StepSearch::Mse, None), 0.22);
        codec_suites::<PiT, _>(&with(StepSearch::Rms, None), 0.35);
    }

    /// For a unit normal, ternary with threshold γ/2 has error 1 − 4γφ(γ/2) + 2γ²Q(γ/2): 0.1902 at the
    /// best γ = 1.224, 0.2634 at γ = √(2/π) (absmean), 0.1905 at π/2 times that.
    #[test]
    fn error_on_normal_weights() {
        gaussian_mse(&with(StepSearch::Mse, None), 0.1902, 0.015);
        gaussian_mse(&with(StepSearch::Rms, None), 0.2634, 0.015);
        gaussian_mse(&with(StepSearch::Rms, Some(2)), 0.1905, 0.015);
    }

    proptest! {
        /// Code 3 has no ternary meaning.
        #[test]
        fn codes_are_ternary(
            weights in prop::collection::vec(any::<f32>().prop_filter("finite", |w| w.is_finite()), 256),
            step in prop::sample::select(vec![StepSearch::Mse, StepSearch::Rms]),
        ) {
            let mut bytes = [0; 66];
            with(step, None).encode_block(&weights, None, &mut bytes);
            prop_assert!(codes_of(2, &bytes).iter().all(|&code| code <= 2));
        }
    }

    #[test]
    fn k_is_checked() {
        let options = QuantizeOptions { k: Some(7), ..QuantizeOptions::default() };
        assert!(matches!(encoder(options), Err(QuantError::BadOption { .. })));
    }
}
