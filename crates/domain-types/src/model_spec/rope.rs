//! Rotary position embedding (Su et al. 2021, arXiv 2104.09864).

use alloc::vec::Vec;

/// How positions rotate queries and keys.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct RopeSpec {
    /// Base θ of the frequencies θ^(−2i/dims).
    pub base: f32,
    /// Base of windowed layers where they have one of their own (Gemma 3: 10,000 against 1,000,000). These are then
    /// never scaled.
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
    /// YaRN.
    Yarn(Yarn),
}

/// YaRN (Peng et al. 2023, arXiv 2309.00071): slow pairs are interpolated, fast ones kept, with a ramp between.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Yarn {
    /// Context extension factor.
    pub factor: f32,
    /// Context length trained on, in tokens.
    pub original_context: usize,
    /// What rotated queries and keys are multiplied by each.
    pub magnitude: f32,
    /// Pairs that turn more often than this within the trained context keep their frequency.
    pub beta_fast: f32,
    /// Pairs that turn less often than this are interpolated in full.
    pub beta_slow: f32,
    /// Whether the ends of the ramp are whole pairs.
    pub truncate: bool,
}

impl Yarn {
    /// With the β of the paper, 32 and 1.
    pub fn new(factor: f32, original_context: usize, magnitude: f32) -> Self {
        Self { factor, original_context, magnitude, beta_fast: 32.0, beta_slow: 1.0, truncate: true }
    }
}
