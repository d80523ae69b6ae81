//! What came of it.

use super::Contender;

/// Figures of one contender.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulationReport {
    /// Who.
    pub contender: Contender,
    /// Uses of experts.
    pub uses: u64,
    /// Uses of experts that were in memory.
    pub hits: u64,
    /// Bytes loaded per token.
    pub bytes_per_token: f64,
    /// Tokens per second.
    pub tokens_per_s: f64,
    /// 99th percentile of a token's time, in milliseconds.
    pub p99_token_ms: f64,
    /// Gate weight of the experts chosen, as a share of that of the top-k: 1 for standard routing. A hint at what routing
    /// costs; perplexity needs the model.
    pub gate_mass: f64,
    /// Hits among uses of each token, 0 to 1.
    pub token_hit_rates: Vec<f64>,
}

impl SimulationReport {
    /// Hits among uses, 0 to 1.
    pub fn hit_rate(&self) -> f64 {
        self.hits as f64 / self.uses.max(1) as f64
    }
}
