//! Buffers for activations: grown to the largest batch seen, then reused, so that decoding allocates nothing here.

use super::attention::AttentionScratch;
use super::experts::MixtureScratch;

/// Activations of one batch, row after row.
#[derive(Default)]
pub(super) struct Scratch {
    /// Residual stream: tokens × width.
    pub(super) hidden: Vec<f32>,
    /// Normed input of a half block: tokens × width.
    pub(super) normed: Vec<f32>,
    /// Output of a half block before it joins the residual stream: tokens × width.
    pub(super) output: Vec<f32>,
    /// Buffers of the attention layers.
    pub(super) attention: AttentionScratch,
    /// What the second linear layer of a half block reads: tokens × heads or ffn_width.
    pub(super) inner: Vec<f32>,
    /// Up projection of a feed-forward layer: tokens × ffn_width.
    pub(super) up: Vec<f32>,
    /// Buffers of mixtures of experts.
    pub(super) mixture: MixtureScratch,
}
