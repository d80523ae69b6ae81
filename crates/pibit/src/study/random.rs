//! Synthetic weights of unit variance.

/// A distribution of weights, from thin tails to heavy ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Distribution {
    Normal,
    Laplace,
    /// Student's t with five degrees of freedom.
    StudentT5,
}

impl Distribution {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Normal => "Gaussian",
            Self::Laplace => "Laplace",
            Self::StudentT5 => "Student-t(5)",
        }
    }

    /// Weights of unit variance. The same seed gives the same weights.
    pub(super) fn weights(self, seed: u64, n: usize) -> Vec<f32> {
        let mut random = Random { state: seed };
        (0..n).map(|_| self.draw(&mut random) as f32).collect()
    }

    fn draw(self, random: &mut Random) -> f64 {
        match self {
            Self::Normal => random.normal(),
            // The variance of the standard distribution is 2.
            Self::Laplace => {
                let u = random.uniform() - 0.5;
                -u.signum() * (1.0 - 2.0 * u.abs()).ln() / std::f64::consts::SQRT_2
            }
            // The variance of the standard distribution is 5/3.
            Self::StudentT5 => {
                let chi_squared: f64 = (0..5).map(|_| random.normal().powi(2)).sum();
                random.normal() / (chi_squared / 5.0).sqrt() * 0.6_f64.sqrt()
            }
        }
    }
}

/// SplitMix64.
struct Random {
    state: u64,
}

impl Random {
    /// In (0, 1).
    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((z ^ (z >> 31)) >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// By the method of Box and Muller.
    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean magnitudes: √(2/π), 1/√2, and √0.6 · 2√5·Γ(3) / (4√π·Γ(5/2)).
    #[test]
    fn moments_are_those_of_the_distributions() {
        let cases = [
            (Distribution::Normal, 0.7979),
            (Distribution::Laplace, std::f64::consts::FRAC_1_SQRT_2),
            (Distribution::StudentT5, 0.7351),
        ];
        for (distribution, mean_magnitude) in cases {
            let n = 200_000;
            let weights = distribution.weights(1, n);
            let mean = |f: fn(f64) -> f64| weights.iter().map(|&w| f(f64::from(w))).sum::<f64>() / n as f64;
            assert!(mean(|w| w).abs() < 0.01, "{distribution:?}");
            assert!((mean(|w| w * w) - 1.0).abs() < 0.03, "{distribution:?}");
            assert!((mean(f64::abs) - mean_magnitude).abs() < 0.006, "{distribution:?}: {}", mean(f64::abs));
        }
    }
}
