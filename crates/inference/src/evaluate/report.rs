//! What an evaluation found.

use serde::Serialize;

/// Figures of an evaluation. Those against a reference are left out of JSON where there was none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EvalReport {
    /// Perplexity: exp(mean negative log-likelihood).
    pub ppl: f64,
    /// Standard error of the perplexity: that of the mean negative log-likelihood times the perplexity.
    pub ppl_err: f64,
    /// Mean negative log-likelihood, in nats per token.
    pub mean_nll: f64,
    /// Mean KL(reference ‖ model), in nats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kld_mean: Option<f64>,
    /// 99th percentile of KL(reference ‖ model), in nats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kld_p99: Option<f64>,
    /// Share of positions where both models find the same token most likely, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top1: Option<f64>,
    /// Positions scored.
    pub tokens: usize,
    /// Chunks evaluated.
    pub chunks: usize,
}

/// Where an evaluation stands.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct EvalProgress {
    /// Chunks done.
    pub chunk: usize,
    /// Chunks in all.
    pub chunks: usize,
    /// Perplexity so far.
    pub ppl: f64,
    /// Mean KL(reference ‖ model) so far, in nats.
    pub kld_mean: Option<f64>,
    /// Mean negative log-likelihood of this chunk alone, in nats per token.
    pub chunk_nll: f64,
    /// Share of this chunk's positions where both models find the same token most likely, 0 to 1.
    pub chunk_top1: Option<f64>,
}
