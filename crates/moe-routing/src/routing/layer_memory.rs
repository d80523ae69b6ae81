//! What a router remembers of a layer.

use domain_types::ExpertChoice;

/// Mean range of logits, affinities and the last choice of one layer.
#[derive(Debug, Clone)]
pub(super) struct LayerMemory {
    range_sum: f64,
    tokens: u64,
    affinity: Vec<f32>,
    last: Vec<bool>,
}

impl LayerMemory {
    pub(super) fn new(experts: usize) -> Self {
        Self { range_sum: 0.0, tokens: 0, affinity: vec![0.0; experts], last: vec![false; experts] }
    }

    pub(super) fn clear(&mut self) {
        (self.range_sum, self.tokens) = (0.0, 0);
        self.affinity.fill(0.0);
        self.last.fill(false);
    }

    /// Takes the logits of a token into Δ and returns it.
    pub(super) fn mean_range(&mut self, logits: &[f32]) -> f32 {
        let (least, greatest) = logits
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &z| (low.min(z), high.max(z)));
        self.range_sum += f64::from(greatest) - f64::from(least);
        self.tokens += 1;
        (self.range_sum / self.tokens as f64) as f32
    }

    /// H of each expert.
    pub(super) fn affinity(&self) -> &[f32] {
        &self.affinity
    }

    /// Whether the layer chose each expert for the token before.
    pub(super) fn last(&self) -> &[bool] {
        &self.last
    }

    pub(super) fn remember(&mut self, chosen: &[ExpertChoice], decay: f32) {
        self.last.fill(false);
        self.affinity.iter_mut().for_each(|h| *h *= decay);
        for choice in chosen {
            self.last[choice.expert] = true;
            self.affinity[choice.expert] += 1.0 - decay;
        }
    }
}
