//! How fast each pair of dimensions turns.

use domain_types::{DomainError, RopeScaling, RopeSpec, Yarn};
use std::f64::consts::TAU;

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

    /// With the specification's context extension.
    pub(super) fn scaled(spec: &RopeSpec) -> Result<Self, DomainError> {
        let mut frequencies = Self::unscaled(spec.base, spec.dims)?;
        match &spec.scaling {
            RopeScaling::None => {}
            RopeScaling::Linear(factor) => {
                let factor = positive("RoPE scaling factor", *factor)?;
                frequencies.per_position.iter_mut().for_each(|f| *f /= factor);
            }
            RopeScaling::Factors(factors) => frequencies.divide(factors)?,
            RopeScaling::Yarn(yarn) => frequencies.yarn(yarn, spec)?,
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
    /// between, and multiplies q and k by a magnitude each.
    fn yarn(&mut self, yarn: &Yarn, spec: &RopeSpec) -> Result<(), DomainError> {
        let factor = positive("YaRN factor", yarn.factor)?;
        self.magnitude = positive("YaRN magnitude", yarn.magnitude)?;
        let (low, high) = ramp(yarn, spec)?;
        for (pair, frequency) in self.per_position.iter_mut().enumerate() {
            let interpolated = ((pair as f64 - low) / (high - low)).clamp(0.0, 1.0);
            *frequency *= interpolated / factor + (1.0 - interpolated);
        }
        Ok(())
    }
}

/// The pairs between which YaRN's ramp runs, as transformers and llama.cpp place them.
fn ramp(yarn: &Yarn, spec: &RopeSpec) -> Result<(f64, f64), DomainError> {
    let (dims, base) = (spec.dims as f64, f64::from(spec.base));
    // Index of the pair that turns `turns` times within the trained context.
    let pair_of = |turns: f64| dims * (yarn.original_context as f64 / (turns * TAU)).ln() / (2.0 * base.ln());
    let mut low = pair_of(positive("YaRN beta_fast", yarn.beta_fast)?);
    let mut high = pair_of(positive("YaRN beta_slow", yarn.beta_slow)?);
    if yarn.truncate {
        (low, high) = (low.floor(), high.ceil());
    }
    let (low, high) = (low.max(0.0), high.min(dims - 1.0));
    if low > high || !(low.is_finite() && high.is_finite()) {
        let reason =
            format!("YaRN's ramp from pair {low} to pair {high} is empty; check its betas and context");
        return Err(DomainError::BadSpec(reason));
    }
    // A step where both ends are the same pair.
    Ok((low, if low == high { high + 0.001 } else { high }))
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
        let plain = Frequencies::scaled(&spec(RopeScaling::None)).unwrap();
        let slow = Frequencies::scaled(&spec(RopeScaling::Linear(4.0))).unwrap();
        for (a, b) in plain.per_position.iter().zip(&slow.per_position) {
            assert!((a / b - 4.0).abs() < 1e-12);
        }
    }

    #[test]
    fn impossible_factors_are_refused() {
        for bad in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(Frequencies::scaled(&spec(RopeScaling::Linear(bad))).is_err());
            assert!(Frequencies::scaled(&spec(RopeScaling::Factors(vec![1.0, 1.0, bad, 1.0]))).is_err());
            assert!(Frequencies::unscaled(bad, 8).is_err());
            for yarn in [
                Yarn::new(bad, 64, 1.0),
                Yarn::new(4.0, 64, bad),
                Yarn { beta_fast: bad, ..Yarn::new(4.0, 64, 1.0) },
                Yarn { beta_slow: bad, ..Yarn::new(4.0, 64, 1.0) },
            ] {
                assert!(Frequencies::scaled(&spec(RopeScaling::Yarn(yarn))).is_err(), "{yarn:?}");
            }
        }
        let e = Frequencies::scaled(&spec(RopeScaling::Factors(vec![1.0; 3]))).err().unwrap();
        assert!(e.to_string().contains("3 RoPE factors for 4 rotated pairs"), "{e}");
    }

    #[test]
    fn yarn_over_no_context_is_refused() {
        assert!(Frequencies::scaled(&spec(RopeScaling::Yarn(Yarn::new(4.0, 0, 1.0)))).is_err());
    }
}
