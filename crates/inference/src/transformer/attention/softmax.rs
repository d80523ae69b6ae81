//! Softmax over scores that come block by block (Milakov and Gimelshein 2018, arXiv 1805.02867).

use crate::transformer::exponential::exp;
use crate::vectorized::vectorized;
use std::ops::Range;

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
            let shrink = exp(self.max - max);
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

#[cfg(test)]
mod tests {
    use super::*;

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
