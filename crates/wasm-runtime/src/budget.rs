//! How much memory a model may take: checked before anything is allocated.

use crate::RuntimeError;
use domain_types::ModelSpec;

/// Bytes of a number in the key–value cache (F16).
const CACHED: u64 = 2;
/// Bytes of a logit or an activation (F32).
const FLOAT: u64 = 4;

/// What a model takes, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Footprint {
    /// The file: weights are used where they lie.
    pub file: u64,
    /// The key–value cache when the context is full.
    pub cache: u64,
    /// Activations of the longest call, and logits of one position.
    pub work: u64,
}

impl Footprint {
    /// Of a file of `file` bytes with this network, run with `context` positions, at most `batch` of them a call.
    pub fn of(file: u64, spec: &ModelSpec, context: usize, batch: usize) -> Self {
        let product = |factors: &[usize]| factors.iter().fold(1, |n: u64, &f| n.saturating_mul(f as u64));
        // Keys and values.
        let cached = product(&[2, spec.layers, context, spec.kv_width()]);
        // Residual stream, normed, output of attention; gate and up; q, k, v.
        let wide = 3 * spec.width + 2 * spec.ffn_width + spec.q_width() + 2 * spec.kv_width();
        let floats = product(&[batch, wide]).saturating_add(spec.vocab_size as u64);
        Self { file, cache: cached.saturating_mul(CACHED), work: floats.saturating_mul(FLOAT) }
    }

    /// All of it.
    pub fn total(&self) -> u64 {
        self.file.saturating_add(self.cache).saturating_add(self.work)
    }
}

/// The most that models of a session may take together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryBudget {
    allowed: u64,
    taken: u64,
}

impl MemoryBudget {
    /// So many bytes, none of them taken.
    pub fn new(allowed: u64) -> Self {
        Self { allowed, taken: 0 }
    }

    /// Fails where a model does not fit beside those that are there.
    pub fn check(&self, model: &Footprint) -> Result<(), RuntimeError> {
        let needed = self.taken.saturating_add(model.total());
        if needed > self.allowed {
            return Err(RuntimeError::OverBudget { needed, allowed: self.allowed });
        }
        Ok(())
    }

    /// Takes what a model needs, or fails and leaves the budget as it was.
    pub fn take(&mut self, model: &Footprint) -> Result<(), RuntimeError> {
        self.check(model)?;
        self.taken += model.total();
        Ok(())
    }

    /// Gives back what was taken for a model that is freed.
    pub fn give_back(&mut self, model: &Footprint) {
        self.taken = self.taken.saturating_sub(model.total());
    }

    /// Bytes taken.
    pub fn taken(&self) -> u64 {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain_types::{Activation, AttentionSpec, RopeScaling, RopeSpec, RopeStyle};

    /// SmolLM2-135M.
    fn smollm2() -> ModelSpec {
        ModelSpec {
            architecture: "llama".into(),
            vocab_size: 49_152,
            layers: 30,
            width: 576,
            ffn_width: 1536,
            context_length: 8192,
            norm_eps: 1e-5,
            attention: AttentionSpec {
                heads: 9,
                kv_heads: 3,
                head_dim: 64,
                scale: 0.125,
                qkv_bias: false,
                qk_norm: false,
                sliding_window: None,
            },
            rope: RopeSpec {
                base: 100_000.0,
                local_base: None,
                dims: 64,
                style: RopeStyle::Interleaved,
                scaling: RopeScaling::None,
            },
            activation: Activation::Silu,
            post_norms: false,
            embedding_scale: 1.0,
            tied_embeddings: true,
            logit_softcap: None,
            rotation: None,
            experts: None,
        }
    }

    #[test]
    fn a_cache_takes_what_arithmetic_says() {
        let footprint = Footprint::of(60_000_000, &smollm2(), 2048, 32);
        // 30 layers × 2048 positions × (192 keys + 192 values) × 2 bytes.
        assert_eq!(footprint.cache, 47_185_920);
        // (32 × (1728 + 3072 + 576 + 384) + 49,152) × 4 bytes.
        assert_eq!(footprint.work, 933_888);
        assert_eq!(footprint.total(), 60_000_000 + 47_185_920 + 933_888);
    }

    #[test]
    fn models_share_a_budget() {
        let model = Footprint { file: 40, cache: 10, work: 10 };
        let mut budget = MemoryBudget::new(119);
        budget.take(&model).unwrap();
        let error = budget.take(&model).unwrap_err();
        assert!(matches!(error, RuntimeError::OverBudget { needed: 120, allowed: 119 }), "{error}");
        assert_eq!((error.code(), budget.taken()), ("overBudget", 60));
        assert!(error.to_string().contains("needs 120 bytes"), "{error}");
        budget.give_back(&model);
        budget.take(&model).unwrap();
    }

    #[test]
    fn absurd_sizes_are_refused_not_wrapped() {
        let spec = ModelSpec { layers: usize::MAX, ..smollm2() };
        let footprint = Footprint::of(u64::MAX, &spec, usize::MAX, 1);
        assert!(MemoryBudget::new(u64::MAX - 1).check(&footprint).is_err());
    }
}
