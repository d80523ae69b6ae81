//! Quantizing a few numbers that share a step: the step and offset that lose least, and the codes.

use super::MOST_SHARING;
use crate::vectorized::vectorized;
use half::f16;

/// Rounds of choosing codes and refitting step and offset to them.
const ROUNDS: usize = 4;
/// 1.5·2²³: a float of this size has no fraction, so adding it rounds to the nearest integer.
const ROUNDER: f32 = 12_582_912.0;

/// What step and offset are best for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::kv_cache) enum Fit {
    /// The least error of each number. Right for keys: a noisy score that is a little small does less harm in the
    /// softmax than one that is not.
    LeastSquares,
    /// Decoded numbers as large as the numbers along them. Least squares makes them smaller by the share of the error,
    /// a tenth at 2 bits. Right for values: of many that are summed, errors that differ average out, one that all have
    /// in common does not.
    Unshrunk,
}

/// Writes the codes of `x` and gives step and offset.
///
/// Two grids are tried: one over the whole range, and the least-squares fit that starts from a narrower one, which
/// loses less where the ends of the range are rare (Lloyd 1982, for a uniform grid). Where a number is not finite the
/// offset is NaN, so that damage stays visible.
pub(in crate::kv_cache) fn quantize(
    x: &[f32],
    bits: usize,
    fit: Fit,
    codes: &mut [u8; MOST_SHARING],
) -> (f16, f16) {
    let (mut step, mut offset) = (0.0, f32::NAN);
    if x.iter().all(|x| x.is_finite()) {
        let top = ((1_u32 << bits) - 1) as f32;
        search(x, top, fit, codes, &mut step, &mut offset);
    }
    (f16::from_f32(step), f16::from_f32(offset))
}

vectorized! {
    fn search(x: &[f32], top: f32, fit: Fit, codes: &mut [u8; MOST_SHARING], step: &mut f32, offset: &mut f32) {
        let (low, high) = x.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
        let mut best = Grid::new((high - low) / top, low, top);
        // With 8 bits the range is what limits the error.
        if top < 255.0 {
            let fitted = least_squares(x, low, high, top);
            if fitted.squared_error(x) < best.squared_error(x) {
                best = fitted;
            }
        }
        for (code, x) in codes.iter_mut().zip(x) {
            *code = best.code(*x) as u8;
        }
        (*step, *offset) = match fit {
            Fit::LeastSquares => (best.step, best.offset),
            Fit::Unshrunk => best.unshrunk(x),
        };
    }
}

/// Levels `offset + step · code`, codes from 0 to `top`; step and offset are exact in F16.
#[derive(Clone, Copy)]
struct Grid {
    step: f32,
    offset: f32,
    top: f32,
    /// 1/step, or 0.
    inverse: f32,
}

impl Grid {
    #[inline(always)]
    fn new(step: f32, offset: f32, top: f32) -> Self {
        let (step, offset) = (f16::from_f32(step).to_f32(), f16::from_f32(offset).to_f32());
        Self { step, offset, top, inverse: if step > 0.0 { step.recip() } else { 0.0 } }
    }

    #[inline(always)]
    fn code(self, x: f32) -> f32 {
        ((x - self.offset) * self.inverse).max(0.0).min(self.top) + ROUNDER - ROUNDER
    }

    /// Step and offset for [`Fit::Unshrunk`] and the codes that the grid gives.
    #[inline(always)]
    fn unshrunk(self, x: &[f32]) -> (f32, f32) {
        let mean = lane_sums(x, |x| [x])[0] / x.len() as f32;
        let [codes, squares, products] = lane_sums(x, |x| {
            let (code, x) = (self.code(x), x - mean);
            [code, x * x, code * x]
        });
        let step = squares / products;
        if !(step.is_finite() && step > 0.0) {
            return (self.step, self.offset);
        }
        (step, mean - step * codes / x.len() as f32)
    }

    #[inline(always)]
    fn squared_error(self, x: &[f32]) -> f32 {
        lane_sums(x, |x| [(self.offset + self.step * self.code(x) - x).powi(2)])[0]
    }
}

/// The grid that alternating between codes and least squares arrives at.
#[inline(always)]
fn least_squares(x: &[f32], low: f32, high: f32, top: f32) -> Grid {
    // The best uniform grid for normal numbers covers this share of the range of 64 of them (Max 1960).
    let share = if top <= 3.0 { 0.62 } else { 0.95 };
    let margin = 0.5 * (1.0 - share) * (high - low);
    let mut grid = Grid::new((high - low) * share / top, low + margin, top);
    let (n, sum_x) = (x.len() as f32, x.iter().sum::<f32>());
    for _ in 0..ROUNDS {
        let [sum, squares, products] = lane_sums(x, |x| {
            let code = grid.code(x);
            [code, code * code, code * x]
        });
        let step = (n * products - sum * sum_x) / (n * squares - sum * sum);
        // Equal numbers have no slope.
        if !(step.is_finite() && step > 0.0) {
            break;
        }
        grid = Grid::new(step, (sum_x - step * sum) / n, top);
    }
    grid
}

/// Sums of what `of` gives, in eight lanes (lengths are multiples of eight).
#[inline(always)]
fn lane_sums<const N: usize>(x: &[f32], of: impl Fn(f32) -> [f32; N]) -> [f32; N] {
    let mut sums = [[0.0; 8]; N];
    for eight in x.as_chunks::<8>().0 {
        for (lane, &x) in eight.iter().enumerate() {
            let terms = of(x);
            for n in 0..N {
                sums[n][lane] += terms[n];
            }
        }
    }
    sums.map(|lanes| lanes.iter().sum())
}
