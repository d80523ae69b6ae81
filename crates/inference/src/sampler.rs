//! Choosing the next token.

mod candidates;
mod options;

pub use options::SamplerOptions;

use crate::InferenceError;
use candidates::Candidates;
use domain_types::TokenId;
use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng;

/// Stream constant of the generator (the reference implementation's default): part of what a seed means.
const STREAM: u128 = 0x0A02_BDBF_7BB3_C0A7_AC28_FA16_A64A_BF96;

/// Draws tokens from logits: top-k, then top-p, then min-p, then temperature (llama.cpp's order), then a draw.
///
/// The same seed and the same logits give the same tokens on every platform: the generator is PCG-64 (O'Neill 2014)
/// and filters work on exactly ordered candidates. A logit that is NaN or infinite is never chosen.
pub struct Sampler {
    options: SamplerOptions,
    random: Pcg64,
    candidates: Candidates,
}

impl Sampler {
    /// Fails where an option is outside its range.
    pub fn new(options: SamplerOptions) -> Result<Self, InferenceError> {
        options.validate()?;
        let random = Pcg64::new(u128::from(options.seed), STREAM);
        Ok(Self { options, random, candidates: Candidates::default() })
    }

    /// Chooses a token. Fails where no logit is finite.
    pub fn sample(&mut self, logits: &[f32]) -> Result<TokenId, InferenceError> {
        if self.options.temperature == 0.0 {
            return greedy(logits).ok_or(InferenceError::NoFiniteLogit);
        }
        let candidates = &mut self.candidates;
        candidates.load(logits);
        candidates.keep_top_k(self.options.top_k);
        candidates.keep_top_p(self.options.top_p);
        candidates.keep_min_p(self.options.min_p);
        // 53 bits: every multiple of 2⁻⁵³ in [0, 1).
        let uniform = (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        candidates.draw(self.options.temperature, uniform).ok_or(InferenceError::NoFiniteLogit)
    }
}

/// The token of the largest finite logit, the first of equals.
fn greedy(logits: &[f32]) -> Option<TokenId> {
    let mut best: Option<(usize, f32)> = None;
    for (token, &logit) in logits.iter().enumerate().filter(|(_, x)| x.is_finite()) {
        if best.is_none_or(|(_, largest)| logit > largest) {
            best = Some((token, logit));
        }
    }
    best.map(|(token, _)| token as TokenId)
}
