//! Weighted least-squares fits of small vectors to scaled integer grids: the search behind the encoders.
//!
//! For fixed codes the best scale has a closed form, and for a fixed scale the best codes are the nearest ones. The
//! error as a function of the scale has many local minima, so a fit tries scales around the one that reaches the
//! largest weight and then alternates the two closed forms from the best (Lloyd's iteration).

mod affine;
mod levels;
mod scale;

pub(crate) use affine::{Affine, AffineFit};
pub(crate) use levels::{IntRange, Levels};
pub(crate) use scale::scale;

/// Alternations after the search. Most vectors have converged after two.
const REFINEMENTS: usize = 3;

/// Partial sums of a reduction. The compiler may not reorder float additions, so they are spelled out.
const LANES: usize = 8;

/// `Σ term(i)` for `i` in `0..n`, several sums at once; `n` is a multiple of 8.
#[inline]
pub(crate) fn sums<const K: usize>(n: usize, term: impl Fn(usize) -> [f32; K]) -> [f32; K] {
    let mut lanes = [[0.0_f32; LANES]; K];
    for chunk in 0..n / LANES {
        for lane in 0..LANES {
            let terms = term(chunk * LANES + lane);
            for k in 0..K {
                lanes[k][lane] += terms[k];
            }
        }
    }
    lanes.map(|lane| lane.iter().sum())
}

/// The weights of squared errors: the importance, relative to its mean, or all ones where there is none (or nothing is
/// important).
pub(crate) fn error_weights<const N: usize>(importance: Option<&[f32]>) -> [f32; N] {
    let Some(importance) = importance else { return [1.0; N] };
    let total: f64 = importance.iter().map(|&w| f64::from(w)).sum();
    if total == 0.0 {
        return [1.0; N];
    }
    let relative = N as f64 / total;
    std::array::from_fn(|i| (f64::from(importance[i]) * relative) as f32)
}

/// `1/x`, and 0 for 0: a scale of zero decodes every code to zero, so the codes do not matter.
pub(crate) fn inverse(x: f32) -> f32 {
    if x == 0.0 { 0.0 } else { x.recip() }
}
