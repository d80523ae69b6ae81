//! PiQ2 and PiQ3: two's-complement levels times a step α·π/k, whose sign says which side has the extra level.
//!
//! 2.0625 and 3.0625 bits per weight. A common uniform grid fixes the extra level on the negative side; here the sign
//! of the step puts it where the block needs it, at no cost.

mod dot;

use super::uq::{UNIFORM_2, UNIFORM_3, value_2, value_3};
use crate::codec::BlockQuantizer;
use crate::grid::{Grid, GridEncoder, GridFormat, ScaleRule, Statistic};
use crate::rounding::ScaledFormat;
use crate::{QuantError, QuantizeOptions};
use domain_types::Quantizer;

/// A grid whose closed form is step = α·c/k with α the block's root mean square.
pub(crate) trait PiGrid: GridFormat {
    /// k where the options name none.
    const DEFAULT_K: u8;
}

/// A quantizer with step search, constant and k from the options.
pub(crate) fn make<F: PiGrid>(options: QuantizeOptions) -> Result<Box<dyn Quantizer>, QuantError> {
    Ok(Box::new(BlockQuantizer(encoder::<F>(options)?)))
}

/// The format as rounding with a Hessian sees it.
pub(crate) fn scaled<F: PiGrid>(options: QuantizeOptions) -> Result<Box<dyn ScaledFormat>, QuantError> {
    Ok(Box::new(encoder::<F>(options)?))
}

/// The encoder of single blocks.
pub(crate) fn encoder<F: PiGrid>(options: QuantizeOptions) -> Result<GridEncoder<F>, QuantError> {
    let factor = options.grid_factor(F::ID, F::DEFAULT_K)?;
    Ok(GridEncoder::new(ScaleRule::from_option(options.step, (Statistic::RootMeanSquare, factor))))
}

/// Layout: F16 step, then a plane of 2-bit codes; code = level + 2.
pub(crate) struct PiQ2;

impl GridFormat for PiQ2 {
    const ID: &'static str = "piq2";
    const BLOCK_LEN: usize = 256;
    const BITS: usize = 2;
    const GRID: Grid = UNIFORM_2;

    #[inline]
    fn value(code: u8, scale: f32) -> f32 {
        value_2(code, scale)
    }
}

impl PiGrid for PiQ2 {
    const DEFAULT_K: u8 = 3;
}

/// Layout: F16 step, then a plane of the codes' low two bits, then a plane of their high bits; code = level + 4.
pub(crate) struct PiQ3;

impl GridFormat for PiQ3 {
    const ID: &'static str = "piq3";
    const BLOCK_LEN: usize = 256;
    const BITS: usize = 3;
    const GRID: Grid = UNIFORM_3;

    #[inline]
    fn value(code: u8, scale: f32) -> f32 {
        value_3(code, scale)
    }
}

impl PiGrid for PiQ3 {
    const DEFAULT_K: u8 = 4;
}

#[cfg(test)]
mod tests;
