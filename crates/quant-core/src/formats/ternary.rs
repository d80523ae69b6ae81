//! Ternary weights: the scale of least error.

use crate::float_order;

/// Scale d of least `Σ w[i]·(x[i] − d·t[i])²` with t ∈ {−1, 0, 1}.
///
/// The best codes are ±1 where |x| > d/2: always the k largest magnitudes. For given k the best scale is their mean, so
/// the exact optimum is the best of n prefixes of the sorted magnitudes.
pub(crate) fn scale<const N: usize>(x: &[f32; N], w: &[f32; N]) -> f32 {
    // A magnitude's weight follows it.
    let pair = |i: usize| u64::from(float_order::key(x[i].abs())) << 32 | u64::from(w[i].to_bits());
    let mut sorted: [u64; N] = std::array::from_fn(pair);
    sorted.sort_unstable();
    let (mut sum, mut weight) = (0.0_f64, 0.0_f64);
    let mut best = (0.0, 0.0);
    for pair in sorted.iter().rev() {
        let (x, w) = (float_order::float((pair >> 32) as u32), f32::from_bits(*pair as u32));
        sum += f64::from(x) * f64::from(w);
        weight += f64::from(w);
        let gain = sum * sum / weight;
        if gain > best.0 {
            best = (gain, sum / weight);
        }
    }
    best.1 as f32
}

/// Codes 0, 1, 2 for −1, 0, 1.
pub(crate) fn code(x: f32, d: f32) -> u8 {
    let threshold = d / 2.0;
    1 + u8::from(x > threshold) - u8::from(x < -threshold)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain_types::testing::gaussian_like;

    #[test]
    fn no_scale_of_a_dense_scan_is_better() {
        let x: [f32; 256] = gaussian_like(3, 256).try_into().unwrap();
        let w: [f32; 256] = std::array::from_fn(|i| x[255 - i] * x[255 - i]);
        let error = |d: f32| -> f32 {
            x.iter().zip(&w).map(|(&x, w)| w * (x - d * (f32::from(code(x, d)) - 1.0)).powi(2)).sum()
        };
        let best = (1..4000).map(|i| error(i as f32 * 1e-3)).fold(f32::INFINITY, f32::min);
        assert!(error(scale(&x, &w)) <= best * 1.000_001);
    }

    #[test]
    fn ternary_weights_are_exact() {
        let x: [f32; 256] = std::array::from_fn(|i| ((i % 3) as f32 - 1.0) * 0.375);
        assert_eq!(scale(&x, &[1.0; 256]), 0.375);
    }
}
