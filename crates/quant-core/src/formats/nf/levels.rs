//! The levels, printed by `tests/golden/make_nf_levels.py`, which states the construction.
//!
//! There is one positive level more than negative ones, so that zero is a level.

pub(super) const NF2_LEVELS: [f32; 4] = [-1.0, 0.0, 0.435818165, 1.0];

pub(super) const NF3_LEVELS: [f32; 8] =
    [-1.0, -0.535022708, -0.246931432, 0.0, 0.183337480, 0.381993954, 0.622985742, 1.0];

/// bitsandbytes' constants to the last bit: they were made in single precision and differ from the exact quantiles
/// in the seventh digit.
pub(super) const NF4_LEVELS: [f32; 16] = [
    -1.0,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0.0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The normal distribution function above 1/2, by Simpson's rule.
    fn above_median(x: f64) -> f64 {
        let density = |t: f64| (-t * t / 2.0).exp() / std::f64::consts::TAU.sqrt();
        let (n, mut total) = (2000, 0.0);
        for i in 0..n {
            let (a, h) = (x * f64::from(i) / f64::from(n), x / f64::from(n));
            total += h / 6.0 * (density(a) + 4.0 * density(a + h / 2.0) + density(a + h));
        }
        total
    }

    /// The levels of each side, scaled back to quantiles, are evenly spaced in probability.
    fn quantiles_are_even(levels: &[f32], offset: f64, largest_quantile: f64) {
        let negative: Vec<f64> = levels.iter().rev().filter(|&&l| l < 0.0).map(|&l| f64::from(-l)).collect();
        let positive: Vec<f64> = levels.iter().filter(|&&l| l > 0.0).map(|&l| f64::from(l)).collect();
        assert_eq!((positive.len(), negative.len()), (levels.len() / 2, levels.len() / 2 - 1));
        for side in [positive, negative] {
            for (i, level) in side.iter().enumerate() {
                let expected = (offset - 0.5) * (i + 1) as f64 / side.len() as f64;
                let actual = above_median(level * largest_quantile);
                assert!((actual - expected).abs() < 2e-6, "level {level}: {actual}, expected {expected}");
            }
        }
    }

    #[test]
    fn levels_are_quantiles() {
        quantiles_are_even(&NF2_LEVELS, 0.854_166_667, 1.054_472_452);
        quantiles_are_even(&NF3_LEVELS, 0.933_035_714, 1.498_788_259);
        quantiles_are_even(&NF4_LEVELS, 0.967_708_3, 1.848_130_960);
    }
}
