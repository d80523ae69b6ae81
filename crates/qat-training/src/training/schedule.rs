//! How learning rate and row length change over a run.

use super::TrainConfig;
use std::f64::consts::PI;

/// Lowest learning rate as a share of the highest.
const FLOOR: f64 = 0.02;

/// Learning rate of step `step` (from 0) of `steps`: linear warm-up to `peak`, then a cosine (Loshchilov and Hutter
/// 2017, arXiv 1608.03983).
pub(crate) fn learning_rate(peak: f64, warmup: usize, steps: usize, step: usize) -> f64 {
    if step < warmup {
        return peak * (step + 1) as f64 / warmup as f64;
    }
    let span = steps.saturating_sub(warmup).max(1);
    let progress = (step - warmup) as f64 / span as f64;
    peak * (FLOOR + (1.0 - FLOOR) * 0.5 * (1.0 + (PI * progress).cos()))
}

/// Row length of a step: short rows first because attention is cheaper there, the whole context for the last eighth so
/// that every position is trained.
pub(super) fn row_length(config: &TrainConfig, step: usize, context_length: usize) -> usize {
    let eighth = step * 8 / config.steps;
    match eighth {
        0..4 => context_length / 4,
        4..7 => context_length / 2,
        _ => context_length,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_peaks_and_falls_to_the_floor() {
        let rates: Vec<f64> = (0..1000).map(|step| learning_rate(1.0, 100, 1000, step)).collect();
        assert!(rates[..100].is_sorted());
        assert_eq!(rates[99], 1.0);
        assert!(rates[100..].is_sorted_by(|a, b| a >= b));
        assert!((rates[999] - FLOOR).abs() < 1e-3);
    }

    #[test]
    fn rows_grow_to_the_whole_context() {
        let config = TrainConfig { steps: 80, ..TrainConfig::default() };
        let lengths = [0, 39, 40, 69, 70, 79].map(|step| row_length(&config, step, 512));
        assert_eq!(lengths, [128, 128, 256, 256, 512, 512]);
    }
}
