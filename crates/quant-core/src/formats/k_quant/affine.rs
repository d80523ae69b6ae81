//! w = (d·scale)·q − dmin·min: the search and the arithmetic of Q2_K, Q4_K and Q5_K.

use super::{MAX_SUBS, ROUNDS};
use crate::formats::fit::{Affine, AffineFit, IntRange, Levels, inverse, sums};
use crate::formats::ggml::{SUPER_BLOCK, round_f16};

/// What a format can store.
#[derive(Clone, Copy)]
pub(crate) struct AffineLimits {
    /// Codes reach from 0 to this.
    pub(crate) code: u8,
    /// Scales and minima of sub-blocks reach from 0 to this.
    pub(crate) scale: u8,
    /// How far around the rounded scale and minimum of a sub-block to look for a better pair.
    pub(crate) reach: i16,
}

/// A super-block, unpacked.
#[derive(Clone)]
pub(crate) struct AffineBlock {
    pub(crate) d: f32,
    pub(crate) dmin: f32,
    pub(crate) scales: [u8; MAX_SUBS],
    pub(crate) mins: [u8; MAX_SUBS],
    pub(crate) codes: [u8; SUPER_BLOCK],
}

impl AffineBlock {
    /// A block of eight sub-blocks of 32 weights.
    #[inline]
    pub(crate) fn of_eight(
        (d, dmin): (f32, f32),
        scales: [u8; 8],
        mins: [u8; 8],
        codes: [u8; SUPER_BLOCK],
    ) -> Self {
        let padded = |eight: [u8; 8]| std::array::from_fn(|i| if i < 8 { eight[i] } else { 0 });
        Self { d, dmin, scales: padded(scales), mins: padded(mins), codes }
    }

    /// Weights, in ggml's order of operations.
    #[inline]
    pub(crate) fn decode<const SUB: usize>(&self, out: &mut [f32; SUPER_BLOCK]) {
        let subs = out.as_chunks_mut::<SUB>().0.iter_mut().zip(self.codes.as_chunks::<SUB>().0);
        for ((out, codes), (scale, min)) in subs.zip(self.scales.iter().zip(&self.mins)) {
            let (step, offset) = (self.d * f32::from(*scale), self.dmin * f32::from(*min));
            for (out, code) in out.iter_mut().zip(codes) {
                *out = step * f32::from(*code) - offset;
            }
        }
    }

    /// The block of least weighted squared error that the search finds, with sub-blocks of `SUB` weights.
    pub(crate) fn fit<const SUB: usize>(
        x: &[f32; SUPER_BLOCK],
        w: &[f32; SUPER_BLOCK],
        limits: AffineLimits,
    ) -> Self {
        let search = Search::<SUB>::new(x, w, limits);
        let (mut d, mut dmin) = search.first_scales();
        let (mut best, mut least) = search.assign(d, dmin);
        for _ in 0..ROUNDS {
            (d, dmin) = search.refit(&best);
            let (block, error) = search.assign(d, dmin);
            if error >= least || !error.is_finite() {
                break;
            }
            (best, least) = (block, error);
        }
        best
    }
}

struct Search<'a, const SUB: usize> {
    x: &'a [[f32; SUB]],
    w: &'a [[f32; SUB]],
    limits: AffineLimits,
    codes: IntRange,
    /// The best grid of each sub-block, if scales were not rounded.
    ideal: [Affine; MAX_SUBS],
}

impl<'a, const SUB: usize> Search<'a, SUB> {
    fn new(x: &'a [f32; SUPER_BLOCK], w: &'a [f32; SUPER_BLOCK], limits: AffineLimits) -> Self {
        let (x, w) = (x.as_chunks().0, w.as_chunks().0);
        let fit = AffineFit::of_sub_block(limits.code.into());
        let mut ideal = [Affine { scale: 0.0, min: 0.0 }; MAX_SUBS];
        for (ideal, (x, w)) in ideal.iter_mut().zip(x.iter().zip(w)) {
            *ideal = fit.fit(x, w);
        }
        Self { x, w, limits, codes: IntRange::new(0, limits.code.into()), ideal }
    }

    /// The scales with which the largest sub-block scale and minimum are just within range.
    fn first_scales(&self) -> (f32, f32) {
        let top = f32::from(self.limits.scale);
        let scale = self.ideal.iter().fold(0.0_f32, |m, a| m.max(a.scale));
        let min = self.ideal.iter().fold(0.0_f32, |m, a| m.max(-a.min));
        (round_f16(scale / top), round_f16(min / top))
    }

    /// The best integers and codes for given F16 scales, and their error.
    fn assign(&self, d: f32, dmin: f32) -> (AffineBlock, f32) {
        let (scales, mins) = ([0; MAX_SUBS], [0; MAX_SUBS]);
        let mut block = AffineBlock { d, dmin, scales, mins, codes: [0; SUPER_BLOCK] };
        let mut total = 0.0;
        for (sub, (x, w)) in self.x.iter().zip(self.w).enumerate() {
            let (scale, min, error) = self.assign_sub(x, w, self.ideal[sub], (d, dmin));
            (block.scales[sub], block.mins[sub]) = (scale, min);
            total += error;
            let (step, offset) = (d * f32::from(scale), dmin * f32::from(min));
            for (code, x) in block.codes[sub * SUB..].iter_mut().zip(x) {
                *code = self.codes.nearest((x + offset) * inverse(step)) as u8;
            }
        }
        (block, total)
    }

    fn assign_sub(
        &self,
        x: &[f32; SUB],
        w: &[f32; SUB],
        ideal: Affine,
        (d, dmin): (f32, f32),
    ) -> (u8, u8, f32) {
        let mut best = (0, 0, f32::INFINITY);
        for scale in self.around(ideal.scale * inverse(d)) {
            for min in self.around(-ideal.min * inverse(dmin)) {
                let error = self.error(x, w, d * f32::from(scale), dmin * f32::from(min));
                if error < best.2 {
                    best = (scale, min, error);
                }
            }
        }
        best
    }

    /// The integers near `x` that can be stored.
    fn around(&self, x: f32) -> std::ops::RangeInclusive<u8> {
        let top = i16::from(self.limits.scale);
        let middle = x.round() as i16;
        let bound = |x: i16| x.clamp(0, top) as u8;
        bound(middle.saturating_sub(self.limits.reach))..=bound(middle.saturating_add(self.limits.reach))
    }

    #[inline]
    fn error(&self, x: &[f32; SUB], w: &[f32; SUB], step: f32, offset: f32) -> f32 {
        let inverse = inverse(step);
        let [error] = sums(SUB, |i| {
            let q = self.codes.nearest((x[i] + offset) * inverse);
            let e = x[i] + offset - step * q;
            [w[i] * e * e]
        });
        error
    }

    /// The F16 scales of least error for the integers and codes of `block`: two normal equations.
    fn refit(&self, block: &AffineBlock) -> (f32, f32) {
        let mut total = [0.0_f32; 5];
        for (sub, (x, w)) in self.x.iter().zip(self.w).enumerate() {
            let (scale, min) = (f32::from(block.scales[sub]), f32::from(block.mins[sub]));
            let codes = &block.codes[sub * SUB..][..SUB];
            let part = sums(SUB, |i| {
                let a = scale * f32::from(codes[i]);
                let (wa, wb) = (w[i] * a, w[i] * min);
                [wa * a, wa * min, wb * min, wa * x[i], wb * x[i]]
            });
            for (total, part) in total.iter_mut().zip(part) {
                *total += part;
            }
        }
        // x ≈ d·a − dmin·b
        let [aa, ab, bb, ax, bx] = total;
        let determinant = aa * bb - ab * ab;
        if determinant <= aa * bb * 1e-6 {
            return (round_f16(ax * inverse(aa)), block.dmin);
        }
        let d = (ax * bb - bx * ab) / determinant;
        let dmin = (ax * ab - bx * aa) / determinant;
        (round_f16(d), round_f16(dmin.max(0.0)))
    }
}
