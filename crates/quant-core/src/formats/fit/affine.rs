//! `x[i] ≈ s·q[i] + m` with codes from 0.

use super::{IntRange, Levels, REFINEMENTS, inverse, sums};
use crate::formats::ggml::round_f16;

/// By how many steps an end of the grid is moved inwards from the extreme weight. Inside helps where an outlier is not
/// worth its range, a little outside where few weights all lie near the ends. A whole step outside finds the 16 levels of
/// a requantized Q4_1 block among 32.
const SHIFTS: [f32; 7] = [-1.0, -0.3, -0.1, 0.0, 0.1, 0.3, 0.5];

/// A grid of step `scale` from `min`.
#[derive(Clone, Copy)]
pub(crate) struct Affine {
    pub(crate) scale: f32,
    pub(crate) min: f32,
}

/// The search for codes `0..=high`.
#[derive(Clone, Copy)]
pub(crate) struct AffineFit {
    codes: IntRange,
    storage: Storage,
}

#[derive(Clone, Copy, PartialEq)]
enum Storage {
    /// Scale and minimum as F16, of any sign.
    F16,
    /// Scale and −minimum as multiples of a super-block's scales, not negative.
    SubBlock,
}

impl AffineFit {
    /// For formats that store scale and minimum as F16: the fit returns what their decoders read.
    pub(crate) const fn stored_as_f16(high: i32) -> Self {
        Self { codes: IntRange::new(0, high), storage: Storage::F16 }
    }

    /// For sub-blocks of K-quants: `min` is not positive, as −min is stored without a sign.
    pub(crate) const fn of_sub_block(high: i32) -> Self {
        Self { codes: IntRange::new(0, high), storage: Storage::SubBlock }
    }

    /// The grid of least `Σ w[i]·(x[i] − s·q[i] − m)²`, s ≥ 0. `N` is a multiple of 8.
    pub(crate) fn fit<const N: usize>(self, x: &[f32; N], w: &[f32; N]) -> Affine {
        let low = x.iter().copied().fold(f32::INFINITY, f32::min);
        let high = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        // Sums over weights around zero lose the fewest bits; a bound at zero stays at zero.
        let (low, origin) = match self.storage {
            Storage::F16 => (low, f32::midpoint(low, high)),
            Storage::SubBlock => (low.min(0.0), 0.0),
        };
        let steps = self.codes.ends()[1];
        let step = ((high - low) / steps).max(0.0);
        let problem = Problem::new(self, x, w, origin);
        let low = low - origin;
        let mut best = problem.judge(Affine { scale: step, min: low }, 0.0);
        if step == 0.0 {
            return problem.with_origin(best.grid);
        }
        for from_low in SHIFTS {
            for from_high in SHIFTS {
                let inverse = steps / ((steps - from_low - from_high) * step);
                problem.improve(&mut best, inverse, low + from_low * step);
            }
        }
        for _ in 0..REFINEMENTS {
            let Affine { scale, min } = best.grid;
            problem.improve(&mut best, inverse(scale), min);
        }
        problem.with_origin(best.grid)
    }
}

struct Judged {
    grid: Affine,
    /// By how much the error is less than that of all weights at the origin; cheap, but not exact enough to tell
    /// grids with hardly any error apart.
    gain: f32,
    error: f32,
}

/// The parts of the normal equations that do not depend on codes. Weights are relative to an origin.
struct Problem<'a, const N: usize> {
    fit: AffineFit,
    x: [f32; N],
    w: &'a [f32; N],
    origin: f32,
    sum_w: f32,
    sum_x: f32,
}

impl<'a, const N: usize> Problem<'a, N> {
    fn new(fit: AffineFit, x: &[f32; N], w: &'a [f32; N], origin: f32) -> Self {
        let x = x.map(|x| x - origin);
        let [sum_w, sum_x] = sums(N, |i| [w[i], w[i] * x[i]]);
        Self { fit, x, w, origin, sum_w, sum_x }
    }

    /// Rounds `(x − min)·inverse`, fits a grid to the codes, and keeps it where the error falls.
    #[inline]
    fn improve(&self, best: &mut Judged, inverse: f32, min: f32) {
        let (x, w) = (&self.x, self.w);
        let sums = sums(N, |i| {
            let q = self.fit.codes.nearest((x[i] - min) * inverse);
            let wq = w[i] * q;
            [wq, wq * q, wq * x[i]]
        });
        let Some(grid) = self.solve(sums) else { return };
        let gain = grid.scale * sums[2] + grid.min * self.sum_x;
        if gain > best.gain * (1.0 - 1e-4) {
            let judged = self.judge(grid, gain);
            if judged.error < best.error {
                *best = judged;
            }
        }
    }

    /// The best grid for codes with these sums of w·q, w·q² and w·q·x, if there is one.
    #[inline]
    fn solve(&self, [q, qq, xq]: [f32; 3]) -> Option<Affine> {
        let determinant = self.sum_w * qq - q * q;
        let scale = (self.sum_w * xq - self.sum_x * q) / determinant;
        let min = (qq * self.sum_x - q * xq) / determinant;
        if determinant > 0.0 && (min <= 0.0 || self.fit.storage == Storage::F16) {
            return (scale >= 0.0).then_some(Affine { scale, min });
        }
        // The best grid from zero, where that is the bound; with one code for all weights there is no other.
        (xq > 0.0 && self.fit.storage == Storage::SubBlock).then_some(Affine { scale: xq / qq, min: 0.0 })
    }

    fn judge(&self, grid: Affine, gain: f32) -> Judged {
        let grid = match self.fit.storage {
            Storage::F16 => self.rounded(grid),
            Storage::SubBlock => grid,
        };
        let inverse = inverse(grid.scale);
        let [error] = sums(N, |i| {
            let x = self.x[i] - grid.min;
            let e = x - grid.scale * self.fit.codes.nearest(x * inverse);
            [self.w[i] * e * e]
        });
        Judged { grid, gain, error }
    }

    fn rounded(&self, grid: Affine) -> Affine {
        let Affine { scale, min } = self.with_origin(grid);
        Affine { scale: round_f16(scale), min: round_f16(min) - self.origin }
    }

    fn with_origin(&self, grid: Affine) -> Affine {
        Affine { min: grid.min + self.origin, ..grid }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_grids_are_found() {
        let x: [f32; 32] = std::array::from_fn(|i| 100.0 + 0.25 * (i % 16) as f32);
        let grid = AffineFit::stored_as_f16(15).fit(&x, &[1.0; 32]);
        assert!((grid.scale - 0.25).abs() < 1e-5 && (grid.min - 100.0).abs() < 1e-4);
    }

    #[test]
    fn positive_minima_only_where_allowed() {
        let x: [f32; 16] = std::array::from_fn(|i| 30.0 + (i % 4) as f32);
        assert!((AffineFit::stored_as_f16(3).fit(&x, &[1.0; 16]).min - 30.0).abs() < 1e-4);
        assert!(AffineFit::of_sub_block(3).fit(&x, &[1.0; 16]).min <= 0.0);
    }

    #[test]
    fn equal_weights_share_a_code() {
        for value in [2.5, -2.5] {
            for fit in [AffineFit::of_sub_block(3), AffineFit::stored_as_f16(3)] {
                let grid = fit.fit(&[value; 16], &[1.0; 16]);
                let nearest = (0..4).map(|q| (grid.scale * q as f32 + grid.min - value).abs());
                assert!(nearest.fold(f32::INFINITY, f32::min) < 1e-6);
            }
        }
    }

    #[test]
    fn extreme_weights_give_a_finite_grid() {
        for value in [1e37_f32, -1e37, 1e-38, 0.0] {
            let x: [f32; 16] = std::array::from_fn(|i| value * (i % 3) as f32);
            let grid = AffineFit::of_sub_block(15).fit(&x, &[1.0; 16]);
            assert!(grid.scale.is_finite() && grid.min.is_finite());
        }
    }
}
