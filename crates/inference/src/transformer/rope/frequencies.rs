//! How fast each pair of dimensions turns.

use domain_types::{DomainError, RopeScaling, RopeSpec};
use std::f64::consts::TAU;

/// YaRN: pairs that turn more often than this within the trained context keep their frequency.
const YARN_BETA_FAST: f64 = 32.0;
/// YaRN: pairs that turn less often than this are interpolated in full.
const YARN_BETA_SLOW: f64 = 1.0;

/// Radians per position of each pair, and what rotated vectors are multiplied by.
#[derive(Clone)]
pub(super) struct Frequencies {
    pub(super) per_position: Vec<f64>,
    pub(super) magnitude: f64,
}

impl Frequencies {
    /// θ^(−2i/dims), i < dims/2.
    pub(super) fn unscaled(base: f32, dims: usize) -> Result<Self, DomainError> {
        let base = positive("RoPE base", base)?;
        let per_position = (0..dims / 2).map(|i| base.powf(-2.0 * i as f64 / dims as f64)).collect();
        Ok(Self { per_position, magnitude: 1.0 })
    }

    /// With the divisors in `factors`, then with the specification's context extension.
    pub(super) fn scaled(spec: &RopeSpec, factors: Option<&[f32]>) -> Result<Self, DomainError> {
        let mut frequencies = Self::unscaled(spec.base, spec.dims)?;
        if let Some(factors) = factors {
            frequencies.divide(factors)?;
        }
        match &spec.scaling {
            RopeScaling::None => {}
            RopeScaling::Linear(factor) => {
                let factor = positive("RoPE scaling factor", *factor)?;
                frequencies.per_position.iter_mut().for_each(|f| *f /= factor);
            }
            RopeScaling::Factors(factors) => frequencies.divide(factors)?,
            RopeScaling::Yarn { factor, original_context } => {
                frequencies.yarn(positive("YaRN factor", *factor)?, *original_context as f64, spec);
            }
        }
        Ok(frequencies)
    }

    fn divide(&mut self, factors: &[f32]) -> Result<(), DomainError> {
        if factors.len() != self.per_position.len() {
            let (has, needs) = (factors.len(), self.per_position.len());
            return Err(DomainError::BadSpec(format!("{has} RoPE factors for {needs} rotated pairs")));
        }
        for (frequency, &factor) in self.per_position.iter_mut().zip(factors) {
            *frequency /= positive("RoPE factor", factor)?;
        }
        Ok(())
    }

    /// Peng et al. 2023 (arXiv 2309.00071), sections 3.2 to 3.4: interpolates slow pairs, keeps fast ones, ramps
    /// between, and multiplies q and k by 0.1·ln(factor) + 1 each.
    fn yarn(&mut self, factor: f64, original_context: f64, spec: &RopeSpec) {
        let (dims, base) = (spec.dims as f64, f64::from(spec.base));
        // Index of the pair that turns `turns` times within the trained context.
        let pair_of = |turns: f64| dims * (original_context / (turns * TAU)).ln() / (2.0 * base.ln());
        let low = pair_of(YARN_BETA_FAST).floor().max(0.0);
        let high = pair_of(YARN_BETA_SLOW).ceil().min(dims - 1.0);
        for (pair, frequency) in self.per_position.iter_mut().enumerate() {
            let interpolated = ((pair as f64 - low) / (high - low).max(0.001)).clamp(0.0, 1.0);
            *frequency *= interpolated / factor + (1.0 - interpolated);
        }
        self.magnitude = if factor > 1.0 { 0.1 * factor.ln() + 1.0 } else { 1.0 };
    }
}

fn positive(what: &str, value: f32) -> Result<f64, DomainError> {
    if value.is_finite() && value > 0.0 {
        return Ok(f64::from(value));
    }
    Err(DomainError::BadSpec(format!("{what} = {value} must be finite and positive")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain_types::RopeStyle;

    fn spec(scaling: RopeScaling) -> RopeSpec {
        RopeSpec { base: 10_000.0, local_base: None, dims: 8, style: RopeStyle::HalfSplit, scaling }
    }

    #[test]
    fn linear_scaling_slows_all_pairs_alike() {
        let plain = Frequencies::scaled(&spec(RopeScaling::None), None).unwrap();
        let slow = Frequencies::scaled(&spec(RopeScaling::Linear(4.0)), None).unwrap();
        for (a, b) in plain.per_position.iter().zip(&slow.per_position) {
            assert!((a / b - 4.0).abs() < 1e-12);
        }
    }

    #[test]
    fn impossible_factors_are_refused() {
        for bad in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(Frequencies::scaled(&spec(RopeScaling::Linear(bad)), None).is_err());
            assert!(
                Frequencies::scaled(&spec(RopeScaling::Factors(vec![1.0, 1.0, bad, 1.0])), None).is_err()
            );
            assert!(Frequencies::unscaled(bad, 8).is_err());
            let yarn = RopeScaling::Yarn { factor: bad, original_context: 8 };
            assert!(Frequencies::scaled(&spec(yarn), None).is_err());
        }
        let e = Frequencies::scaled(&spec(RopeScaling::None), Some(&[1.0; 3])).err().unwrap();
        assert!(e.to_string().contains("3 RoPE factors for 4 rotated pairs"), "{e}");
    }

    #[test]
    fn yarn_of_a_degenerate_context_stays_finite() {
        let yarn = RopeScaling::Yarn { factor: 4.0, original_context: 0 };
        let f = Frequencies::scaled(&spec(yarn), None).unwrap();
        assert!(f.per_position.iter().all(|x| x.is_finite()));
    }
}
