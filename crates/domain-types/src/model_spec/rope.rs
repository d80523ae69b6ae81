//! Rotary position embedding (Su et al. 2021, arXiv 2104.09864).

use alloc::vec::Vec;

/// How positions rotate queries and keys.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct RopeSpec {
    /// Base θ of the frequencies θ^(−2i/dims).
    pub base: f32,
    /// Base of windowed layers where it differs (Gemma 3: 10,000 against 1,000,000).
    pub local_base: Option<f32>,
    /// How many dimensions of a head rotate.
    pub dims: usize,
    /// Which dimensions form a pair.
    pub style: RopeStyle,
    /// Context extension.
    pub scaling: RopeScaling,
}

/// Which dimensions of a head form a rotated pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum RopeStyle {
    /// (2i, 2i+1): Llama in GGUF order.
    Interleaved,
    /// (i, i + dims/2): Qwen, Gemma, and every Hugging Face checkpoint.
    HalfSplit,
}

/// How frequencies are changed for contexts longer than those trained on.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// Positions divided by a factor (global layers only).
    Linear(f32),
    /// Each frequency divided by its own factor, `dims/2` of them (Llama 3's `rope_freqs.weight`).
    Factors(Vec<f32>),
    /// YaRN (Peng et al. 2023, arXiv 2309.00071).
    Yarn {
        /// Context extension factor.
        factor: f32,
        /// Context length trained on, in tokens.
        original_context: usize,
    },
}
