//! Softmax over scores that come block by block (Milakov and Gimelshein 2018, arXiv 1805.02867).

use crate::vectorized::vectorized;
use std::ops::Range;

/// Below this, exp is as good as 0 and above the smallest normal number.
const LOWEST: f32 = -87.0;
/// 1.5·2²³: adding it leaves the nearest integer in the low bits of a float.
const ROUNDER: f32 = 12_582_912.0;
/// ln 2 in two parts, the first with so few bits that its multiples are exact.
const LN_2: (f32, f32) = (0.693_359_375, -2.121_944_4e-4);
/// Of the polynomial for exp on ±ln(2)/2, from Cephes (Moshier), highest power first.
const EXP: [f32; 6] = [1.987_569_2e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5];

/// Running softmax of one query.
#[derive(Clone, Copy)]
pub(super) struct RunningSoftmax {
    /// Largest score so far.
    max: f32,
    /// Sum of exp(score − max) so far.
    total: f32,
}

impl RunningSoftmax {
    /// Before the first score.
    pub(super) const EMPTY: Self = Self { max: f32::NEG_INFINITY, total: 0.0 };

    /// Turns scores of a block into weights relative to the largest score so far (0 outside `visible`), and scales the
    /// sums made with an earlier largest score.
    pub(super) fn weigh(&mut self, scores: &mut [f32], visible: Range<usize>, sums: &mut [f32]) {
        if visible.is_empty() {
            scores.fill(0.0);
            return;
        }
        let (hidden, rest) = scores.split_at_mut(visible.start);
        let (seen, after) = rest.split_at_mut(visible.len());
        hidden.fill(0.0);
        after.fill(0.0);
        let max = seen.iter().fold(self.max, |max, &s| max.max(s));
        if max > self.max {
            let shrink = (self.max - max).exp();
            self.total *= shrink;
            for sum in sums {
                *sum *= shrink;
            }
            self.max = max;
        }
        exponentials(seen, max, &mut self.total);
    }

    /// Divides sums of weighted values by the sum of weights.
    pub(super) fn finish(self, sums: &mut [f32]) {
        let inverse = self.total.recip();
        for sum in sums {
            *sum *= inverse;
        }
    }
}

vectorized! {
    /// Replaces scores by exp(score − max) and adds these to `total`, eight running sums side by side.
    fn exponentials(scores: &mut [f32], max: f32, total: &mut f32) {
        let mut sums = [0.0; 8];
        let (eights, rest) = scores.as_chunks_mut::<8>();
        for eight in eights {
            for (score, sum) in eight.iter_mut().zip(&mut sums) {
                *score = exp(*score - max);
                *sum += *score;
            }
        }
        for (score, sum) in rest.iter_mut().zip(&mut sums) {
            *score = exp(*score - max);
            *sum += *score;
        }
        *total += sums.iter().sum::<f32>();
    }
}

/// exp(x) for x ≤ 0 within 2 units in the last place, without a call, so that loops over it vectorise. NaN stays NaN.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let x = if x < LOWEST { LOWEST } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUNDER;
    let n = shifted - ROUNDER;
    let r = x - n * LN_2.0 - n * LN_2.1;
    let polynomial = EXP.iter().fold(0.0, |sum, c| sum * r + c);
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    (polynomial * r * r + r + 1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_those_of_the_library() {
        for i in 0..=87_000 {
            let x = -(i as f32) / 1000.0;
            let expected = f64::from(x).exp();
            assert!((f64::from(exp(x)) / expected - 1.0).abs() < 2.4e-7, "exp({x}) = {}", exp(x));
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::NEG_INFINITY) < 2e-38 && exp(-1e9) >= 0.0);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn blocks_add_up_to_the_softmax_of_all() {
        let scores: Vec<f32> = (0..29).map(|i| (i * 37 % 29) as f32 / 3.0 - 4.0).collect();
        let values: Vec<f32> = (0..29).map(|i| i as f32).collect();
        let weights: Vec<f64> = scores[2..].iter().map(|s| f64::from(*s).exp()).collect();
        let mixed: f64 = weights.iter().zip(&values[2..]).map(|(w, v)| w * f64::from(*v)).sum();
        let expected = mixed / weights.iter().sum::<f64>();

        let (mut softmax, mut sums) = (RunningSoftmax::EMPTY, [0.0]);
        for first in (0..29).step_by(10) {
            let end = 29.min(first + 10);
            let mut block = scores[first..end].to_vec();
            let hidden = if first == 0 { 2 } else { 0 };
            softmax.weigh(&mut block, hidden..end - first, &mut sums);
            sums[0] += block.iter().zip(&values[first..end]).map(|(w, v)| w * v).sum::<f32>();
        }
        softmax.finish(&mut sums);
        assert!((f64::from(sums[0]) - expected).abs() < 1e-4, "{} is not {expected}", sums[0]);
    }
}
