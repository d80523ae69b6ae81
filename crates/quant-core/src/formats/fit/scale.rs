//! `x[i] ≈ s·q[i]`.

use super::{Levels, REFINEMENTS, sums};

/// The scale s of least `Σ w[i]·(x[i] − s·q[i])²`, q the nearest of `levels`. Negative where the wider side of the levels
/// serves the negative weights better. `N` is a multiple of 8.
pub(crate) fn scale<const N: usize>(x: &[f32; N], w: &[f32; N], levels: impl Levels) -> f32 {
    let peak = x.iter().fold(0.0_f32, |peak, &x| if x.abs() > peak.abs() { x } else { peak });
    if peak == 0.0 {
        return 0.0;
    }
    let ends = levels.ends();
    let mut best = Candidate { scale: peak / ends[0], gain: 0.0 };
    for step in 20..=44_u8 {
        for end in ends {
            best.replace_if_worse(x, w, levels, end * (f32::from(step) / 32.0) / peak);
        }
    }
    for _ in 0..REFINEMENTS {
        best.replace_if_worse(x, w, levels, best.scale.recip());
    }
    best.scale
}

struct Candidate {
    scale: f32,
    /// By how much the error is less than that of all zeros.
    gain: f32,
}

impl Candidate {
    /// Rounds with `inverse`, fits the scale to the codes, and keeps it where the error falls.
    #[inline]
    fn replace_if_worse<const N: usize>(
        &mut self,
        x: &[f32; N],
        w: &[f32; N],
        levels: impl Levels,
        inverse: f32,
    ) {
        let [xq, qq] = sums(N, |i| {
            let q = levels.nearest(x[i] * inverse);
            [w[i] * x[i] * q, w[i] * q * q]
        });
        let gain = xq * xq / qq;
        // Weights too large or too small to square change nothing: the first scale stays.
        if gain > self.gain && gain.is_finite() {
            *self = Self { scale: xq / qq, gain };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::IntRange;
    use super::*;
    use domain_types::testing::gaussian_like;

    fn error(x: &[f32; 16], scale: f32, codes: IntRange) -> f32 {
        x.iter().map(|&x| (x - scale * codes.nearest(x / scale)).powi(2)).sum()
    }

    #[test]
    fn near_the_best_of_a_dense_scan() {
        let codes = IntRange::new(-4, 3);
        let (mut ours, mut best) = (0.0, 0.0);
        for seed in 0..50 {
            let x: [f32; 16] = gaussian_like(seed, 16).try_into().unwrap();
            ours += error(&x, scale(&x, &[1.0; 16], codes), codes);
            let scan = (1..4000).flat_map(|i| [i as f32 * 5e-4, i as f32 * -5e-4]);
            best += scan.map(|s| error(&x, s, codes)).fold(f32::INFINITY, f32::min);
        }
        assert!(ours < best * 1.02, "{ours} against {best}");
    }

    #[test]
    fn extreme_weights_give_a_finite_scale() {
        let codes = IntRange::new(-8, 7);
        for x in [1e38, -1e38, 1e-38, f32::MIN_POSITIVE / 8.0] {
            assert!(scale(&[x; 16], &[1.0; 16], codes).is_finite());
        }
        assert_eq!(scale(&[0.0; 16], &[1.0; 16], codes), 0.0);
    }
}
