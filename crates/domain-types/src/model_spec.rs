//! What a decoder-only transformer looks like: everything the runtime needs besides the weights.

mod experts;
mod frequent;
mod rope;
mod rotation;

pub use experts::{ExpertsSpec, SharedExpert};
pub use frequent::FrequentTokens;
pub use rope::{RopeScaling, RopeSpec, RopeStyle, Yarn};
pub use rotation::RotationSpec;

use crate::DomainError;
use alloc::format;
use alloc::string::String;

/// The specification of a decoder-only transformer (Llama, Qwen 2/3, Gemma 3 and relatives).
///
/// `model-store` makes it from GGUF metadata or `config.json`; `inference` and `qat-training` build the network that
/// it describes. A new model family is a new specification, not a new implementation.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ModelSpec {
    /// GGUF architecture name: `llama`, `qwen2`, `qwen3`, `gemma3`.
    pub architecture: String,
    /// Vocabulary size: rows of the embedding.
    pub vocab_size: usize,
    /// Number of transformer blocks.
    pub layers: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Width of the feed-forward layer.
    pub ffn_width: usize,
    /// Longest context the model was made for, in tokens.
    pub context_length: usize,
    /// ε of the RMS norms.
    pub norm_eps: f32,
    /// The attention layers.
    pub attention: AttentionSpec,
    /// Rotary position embedding.
    pub rope: RopeSpec,
    /// Activation of the gated feed-forward layer.
    pub activation: Activation,
    /// Whether attention and feed-forward outputs are normed before they join the residual stream (Gemma 3).
    pub post_norms: bool,
    /// What embeddings are multiplied by (Gemma: √width; others 1).
    pub embedding_scale: f32,
    /// Whether the output head is the embedding matrix.
    pub tied_embeddings: bool,
    /// Soft cap c of the logits, c·tanh(x/c), where the model has one.
    pub logit_softcap: Option<f32>,
    /// What is rotated, where the model was made incoherent.
    pub rotation: Option<RotationSpec>,
    /// The experts that stand in place of every block's feed-forward layer, in a mixture of experts.
    pub experts: Option<ExpertsSpec>,
}

/// The attention layers.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct AttentionSpec {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads (grouped-query attention when fewer than `heads`).
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// What scores are multiplied by, usually 1/√head_dim.
    pub scale: f32,
    /// Whether q, k and v projections have biases (Qwen 2).
    pub qkv_bias: bool,
    /// Whether each head of q and k is RMS-normed before RoPE (Qwen 3, Gemma 3).
    pub qk_norm: bool,
    /// Layers that see only a window, where the model has such.
    pub sliding_window: Option<SlidingWindow>,
}

/// Which layers attend to a window only: all but every `pattern`-th, or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SlidingWindow {
    /// Positions that a windowed layer sees, itself included.
    pub size: usize,
    /// Layer `l` is global where `(l + 1) % pattern == 0` (Gemma 3: 6); 0 where no layer is (Mistral).
    pub pattern: usize,
}

impl SlidingWindow {
    /// Whether layer `layer` is windowed.
    pub fn applies_to(&self, layer: usize) -> bool {
        self.pattern == 0 || !(layer + 1).is_multiple_of(self.pattern)
    }
}

/// Activation of a gated feed-forward layer: act(gate) ⊙ up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Activation {
    /// SwiGLU: x·σ(x).
    Silu,
    /// GeGLU with the tanh approximation of GELU.
    GeluTanh,
}

impl ModelSpec {
    /// Checks that the numbers fit each other, so that nothing later divides by zero or reads outside a head.
    pub fn validate(&self) -> Result<(), DomainError> {
        let a = &self.attention;
        let positive = [
            ("vocab_size", self.vocab_size),
            ("layers", self.layers),
            ("width", self.width),
            ("ffn_width", self.ffn_width),
            ("context_length", self.context_length),
            ("heads", a.heads),
            ("kv_heads", a.kv_heads),
            ("head_dim", a.head_dim),
        ];
        // 2^28 is far above any model and keeps every product of two fields inside 64 bits.
        if let Some((name, n)) = positive.iter().find(|(_, n)| *n == 0 || *n > 1 << 28) {
            return Err(DomainError::BadSpec(format!("{name} = {n} is out of range")));
        }
        let fail = |what: &str| Err(DomainError::BadSpec(what.into()));
        if !a.heads.is_multiple_of(a.kv_heads) {
            return fail(&format!("{} query heads cannot share {} key heads", a.heads, a.kv_heads));
        }
        if self.rope.dims > a.head_dim || !self.rope.dims.is_multiple_of(2) {
            return fail(&format!("RoPE over {} of {} head dimensions", self.rope.dims, a.head_dim));
        }
        if a.sliding_window.is_some_and(|w| w.size == 0) {
            return fail("a sliding window has a size above zero");
        }
        if self.logit_softcap.is_some_and(|cap| !cap.is_finite() || cap <= 0.0) {
            return fail("a soft cap of logits must be finite and positive");
        }
        if self.post_norms && self.rotation.is_some_and(|r| r.residual) {
            return fail("a rotated residual stream and norms after each half of a block exclude each other");
        }
        if let Some(experts) = &self.experts {
            experts.validate(self)?;
        }
        let floats = [self.norm_eps, a.scale, self.rope.base, self.embedding_scale];
        if floats.iter().any(|x| !x.is_finite() || *x <= 0.0) {
            return fail(
                "norm ε, attention scale, RoPE base and embedding scale must be finite and positive",
            );
        }
        Ok(())
    }

    /// Width of all query heads together.
    pub fn q_width(&self) -> usize {
        self.attention.heads * self.attention.head_dim
    }

    /// Width of all key (or value) heads together.
    pub fn kv_width(&self) -> usize {
        self.attention.kv_heads * self.attention.head_dim
    }
}
