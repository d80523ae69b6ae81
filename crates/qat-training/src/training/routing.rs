//! Settings of the routers of a mixture of experts.

use serde::{Deserialize, Serialize};

/// How routers are trained. The default is zero everywhere: nothing but the language decides.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoutingConfig {
    /// Weight of the balance loss, which is 1 where all experts are used alike.
    pub balance: f32,
    /// Weight of the z-loss, which keeps logits small.
    pub z: f32,
    /// Weight of the memory loss: the probability that lies with experts that are not in memory.
    pub memory: f32,
    /// λ of Cache-Prior in the half of all rows that mind memory.
    pub lambda: f32,
    /// Experts of a layer that are in memory in those rows.
    pub resident: usize,
    /// Standard deviation of the noise on logits.
    pub noise: f32,
}

/// Share of a run after which memory begins to count, and after which it counts in full.
const ANNEALED: [f32; 2] = [0.2, 0.6];

impl RoutingConfig {
    /// Whether all weights are finite and none is negative.
    pub(crate) fn is_sound(&self) -> bool {
        let Self { balance, z, memory, lambda, noise, .. } = *self;
        [balance, z, memory, lambda, noise].iter().all(|weight| weight.is_finite() && *weight >= 0.0)
    }

    /// The settings for `tiny-moe`.
    pub fn tiny_moe() -> Self {
        Self { balance: 0.01, z: 1e-3, memory: 0.05, lambda: 0.5, resident: 4, noise: 0.2 }
    }

    /// The settings at step `step` of `steps`: what minds memory rises from 0, while noise falls to it.
    pub(crate) fn at(&self, step: usize, steps: usize) -> Self {
        let done = step as f32 / steps.max(1) as f32;
        let rise = ((done - ANNEALED[0]) / (ANNEALED[1] - ANNEALED[0])).clamp(0.0, 1.0);
        Self {
            memory: self.memory * rise,
            lambda: self.lambda * rise,
            noise: self.noise * (1.0 - done),
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_rises_and_noise_falls() {
        let config = RoutingConfig::tiny_moe();
        let lambdas = [0, 100, 400, 600, 999].map(|step| config.at(step, 1000).lambda);
        assert_eq!(lambdas[..2], [0.0, 0.0]);
        assert!((lambdas[2] - 0.25).abs() < 1e-3 && lambdas[3..] == [0.5, 0.5], "{lambdas:?}");
        assert!(config.at(0, 1000).noise > config.at(900, 1000).noise);
        assert_eq!(config.at(500, 1000).balance, config.balance);
    }
}
