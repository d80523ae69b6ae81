//! What a sampler does.

use crate::InferenceError;

/// Options of a [`Sampler`](crate::Sampler). The default is llama.cpp's: temperature 0.8, top-k 40, top-p 0.95,
/// min-p 0.05; seed 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplerOptions {
    /// What logits are divided by before the draw; 0 always takes the most likely token.
    pub temperature: f32,
    /// Only this many of the most likely tokens; 0 for all.
    pub top_k: usize,
    /// Only the most likely tokens that together reach this probability (Holtzman et al. 2019, arXiv 1904.09751);
    /// 1 for all.
    pub top_p: f32,
    /// Only tokens at least this likely relative to the most likely one (Nguyen et al. 2024, arXiv 2407.01082);
    /// 0 for all.
    pub min_p: f32,
    /// Start of the random sequence.
    pub seed: u64,
}

impl Default for SamplerOptions {
    fn default() -> Self {
        Self { temperature: 0.8, top_k: 40, top_p: 0.95, min_p: 0.05, seed: 0 }
    }
}

impl SamplerOptions {
    /// Always the most likely token.
    pub fn greedy() -> Self {
        Self { temperature: 0.0, ..Self::default() }
    }

    pub(super) fn validate(&self) -> Result<(), InferenceError> {
        let share = 0.0..=1.0;
        let checks = [
            ("temperature", self.temperature, (0.0..f32::INFINITY).contains(&self.temperature), "0 or more"),
            ("top_p", self.top_p, self.top_p > 0.0 && self.top_p <= 1.0, "above 0, at most 1"),
            ("min_p", self.min_p, share.contains(&self.min_p), "from 0 to 1"),
        ];
        match checks.into_iter().find(|&(_, _, fine, _)| !fine) {
            Some((option, value, _, allowed)) => {
                Err(InferenceError::SamplerOption { option, value, allowed })
            }
            None => Ok(()),
        }
    }
}
