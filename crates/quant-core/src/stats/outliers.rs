//! Which weights are outliers, and how large a step is where the format does not say.

use crate::float_order;

/// Weights among which a step is looked for: no ggml format has scales of fewer.
const RUN: usize = 16;

/// The magnitude of the smallest among the 1% of weights (at least one) of largest magnitude.
pub(super) fn threshold(weights: &[f32]) -> f32 {
    let mut magnitudes: Vec<u32> = weights.iter().map(|w| float_order::key(w.abs())).collect();
    let largest = magnitudes.len().div_ceil(100);
    let at = magnitudes.len() - largest;
    float_order::float(*magnitudes.select_nth_unstable(at).1)
}

/// The smallest distance between two different decoded values in the run around weight `at`, 0 where all are equal.
pub(super) fn step_around(decoded: &[f32], at: usize) -> f32 {
    let start = at / RUN * RUN;
    let run = &decoded[start..decoded.len().min(start + RUN)];
    let mut keys = [u32::MAX; RUN];
    for (key, x) in keys.iter_mut().zip(run) {
        *key = float_order::key(*x);
    }
    keys[..run.len()].sort_unstable();
    let sorted = keys[..run.len()].windows(2).map(|pair| [0, 1].map(|i| float_order::float(pair[i])));
    let gaps = sorted.map(|[below, above]| above - below).filter(|gap| *gap > 0.0);
    gaps.reduce(f32::min).unwrap_or(0.0)
}
