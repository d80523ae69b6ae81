//! w = (d·scale)·q with signed scales: the search of Q3_K, Q6_K and IQ4_XS, and the arithmetic of the first two.

use super::{MAX_SUBS, ROUNDS};
use crate::formats::fit::{IntRange, Levels, inverse, scale, sums};
use crate::formats::ggml::{SUPER_BLOCK, round_f16};

/// Weights of a sub-block of Q3_K and Q6_K.
const SUB: usize = SUPER_BLOCK / MAX_SUBS;

/// What a format can store.
#[derive(Clone, Copy)]
pub(crate) struct SymmetricLimits<L = IntRange> {
    pub(crate) codes: L,
    pub(crate) scales: IntRange,
    /// How far around the rounded scale of a sub-block to look for a better one.
    pub(crate) reach: i8,
}

/// A super-block, unpacked.
#[derive(Clone)]
pub(crate) struct SymmetricBlock {
    pub(crate) d: f32,
    pub(crate) scales: [i8; MAX_SUBS],
    pub(crate) codes: [i8; SUPER_BLOCK],
}

impl SymmetricBlock {
    /// Weights, in ggml's order of operations.
    #[inline]
    pub(crate) fn decode(&self, out: &mut [f32; SUPER_BLOCK]) {
        let subs = out.as_chunks_mut::<SUB>().0.iter_mut().zip(self.codes.as_chunks::<SUB>().0);
        for ((out, codes), scale) in subs.zip(self.scales) {
            let step = self.d * f32::from(scale);
            for (out, code) in out.iter_mut().zip(codes) {
                *out = step * f32::from(*code);
            }
        }
    }

    /// The block of least weighted squared error that the search finds, with sub-blocks of `SUB` weights.
    pub(crate) fn fit<const SUB: usize, L: Levels>(
        x: &[f32; SUPER_BLOCK],
        w: &[f32; SUPER_BLOCK],
        limits: SymmetricLimits<L>,
    ) -> Self {
        let search = Search::<SUB, L>::new(x, w, limits);
        let (mut best, mut least) = search.assign(search.first_scale());
        for _ in 0..ROUNDS {
            let (block, error) = search.assign(search.refit(&best));
            if error >= least || !error.is_finite() {
                break;
            }
            (best, least) = (block, error);
        }
        best
    }
}

struct Search<'a, const SUB: usize, L> {
    x: &'a [[f32; SUB]],
    w: &'a [[f32; SUB]],
    limits: SymmetricLimits<L>,
    /// The best scale of each sub-block, if scales were not rounded.
    ideal: [f32; MAX_SUBS],
}

impl<'a, const SUB: usize, L: Levels> Search<'a, SUB, L> {
    fn new(x: &'a [f32; SUPER_BLOCK], w: &'a [f32; SUPER_BLOCK], limits: SymmetricLimits<L>) -> Self {
        let (x, w) = (x.as_chunks().0, w.as_chunks().0);
        let mut ideal = [0.0; MAX_SUBS];
        for (ideal, (x, w)) in ideal.iter_mut().zip(x.iter().zip(w)) {
            *ideal = scale(x, w, limits.codes);
        }
        Self { x, w, limits, ideal }
    }

    /// The scale that rounds the ideal scales best, each weighted by what a change of it costs.
    fn first_scale(&self) -> f32 {
        let mut cost = [0.0; MAX_SUBS];
        for (sub, cost) in cost.iter_mut().take(self.x.len()).enumerate() {
            let inverse = inverse(self.ideal[sub]);
            [*cost] = sums(SUB, |i| {
                let q = self.limits.codes.nearest(self.x[sub][i] * inverse);
                [self.w[sub][i] * q * q]
            });
        }
        round_f16(scale(&self.ideal, &cost, self.limits.scales))
    }

    /// The best scales and codes for a given F16 scale, and their error.
    fn assign(&self, d: f32) -> (SymmetricBlock, f32) {
        let mut block = SymmetricBlock { d, scales: [0; MAX_SUBS], codes: [0; SUPER_BLOCK] };
        let mut total = 0.0;
        for (sub, (x, codes)) in self.x.iter().zip(block.codes.as_chunks_mut::<SUB>().0).enumerate() {
            let (scale, error) = self.assign_sub(sub, d);
            block.scales[sub] = scale;
            total += error;
            let inverse = inverse(d * f32::from(scale));
            *codes = x.map(|x| self.limits.codes.nearest(x * inverse) as i8);
        }
        (block, total)
    }

    fn assign_sub(&self, sub: usize, d: f32) -> (i8, f32) {
        let middle = self.limits.scales.nearest(self.ideal[sub] * inverse(d));
        let mut best = (0, f32::INFINITY);
        for offset in -self.limits.reach..=self.limits.reach {
            let scale = self.limits.scales.nearest(middle + f32::from(offset));
            let error = self.error(sub, d * scale);
            if error < best.1 {
                best = (scale as i8, error);
            }
        }
        best
    }

    #[inline]
    fn error(&self, sub: usize, step: f32) -> f32 {
        let (x, w, inverse) = (&self.x[sub], &self.w[sub], inverse(step));
        let [error] = sums(SUB, |i| {
            let e = x[i] - step * self.limits.codes.nearest(x[i] * inverse);
            [w[i] * e * e]
        });
        error
    }

    /// The F16 scale of least error for the scales and codes of `block`.
    fn refit(&self, block: &SymmetricBlock) -> f32 {
        let (mut xq, mut qq) = (0.0, 0.0);
        for (sub, codes) in block.codes.as_chunks::<SUB>().0.iter().enumerate() {
            let (x, w, scale) = (&self.x[sub], &self.w[sub], f32::from(block.scales[sub]));
            let part = sums(SUB, |i| {
                let q = scale * f32::from(codes[i]);
                [w[i] * x[i] * q, w[i] * q * q]
            });
            (xq, qq) = (xq + part[0], qq + part[1]);
        }
        round_f16(xq * inverse(qq))
    }
}
