//! Which weights are outliers, and how large a step is where the format does not say.

/// Weights among which a step is looked for: no ggml format has scales of fewer.
const RUN: usize = 16;

/// The magnitude of the smallest among the 1% of weights (at least one) of largest magnitude.
pub(super) fn threshold(weights: &[f32]) -> f32 {
    let mut magnitudes: Vec<f32> = weights.iter().map(|w| w.abs()).collect();
    let largest = magnitudes.len().div_ceil(100);
    let at = magnitudes.len() - largest;
    *magnitudes.select_nth_unstable_by(at, f32::total_cmp).1
}

/// The smallest distance between two different decoded values in the run around weight `at`, 0 where all are equal.
pub(super) fn step_around(decoded: &[f32], at: usize) -> f32 {
    let start = at / RUN * RUN;
    let mut run = decoded[start..decoded.len().min(start + RUN)].to_vec();
    run.sort_unstable_by(f32::total_cmp);
    let gaps = run.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0.0);
    gaps.reduce(f32::min).unwrap_or(0.0)
}
