//! Routing that minds what is in memory.

use super::gate::Gate;
use super::layer_memory::LayerMemory;
use super::options::{Preference, RouterOptions};
use crate::MoeError;
use domain_types::{ExpertChoice, ExpertRouter, Gating, PortError};

/// Chooses experts by logits plus a bonus for those in memory, and weights them by their logits alone, so that an
/// expert that was let in for being near counts no more than the gate wants.
///
/// The J experts of the greatest logits are always chosen. Where nothing is resident, or everything, it is top-k.
#[derive(Debug, Clone)]
pub struct MemoryAwareRouter {
    gate: Gate,
    options: RouterOptions,
    layers: Vec<LayerMemory>,
    scores: Vec<f32>,
}

impl MemoryAwareRouter {
    /// A router for a model of `layers` transformer blocks; fails where an option is out of range.
    pub fn new(gating: Gating, layers: usize, options: RouterOptions) -> Result<Self, MoeError> {
        options.check()?;
        let experts = gating.experts();
        let layers = vec![LayerMemory::new(experts); layers];
        Ok(Self { gate: Gate::new(gating), options, layers, scores: Vec::with_capacity(experts) })
    }

    /// Logits plus bonuses, to `scores`.
    fn score(&mut self, layer: usize, logits: &[f32], resident: &[bool], range: f32) {
        let memory = &self.layers[layer];
        let loyalty = self.options.hysteresis() * range;
        let (near, familiar) = match self.options.preference() {
            Preference::CachePrior { lambda } => (lambda * range, 0.0),
            Preference::Additive { bonus } => (bonus, 0.0),
            Preference::History { history, residency, .. } => (residency, history),
        };
        let bonus = |expert: usize| {
            let flag = |set: bool, value: f32| if set { value } else { 0.0 };
            flag(resident[expert], near)
                + flag(memory.last()[expert], loyalty)
                + familiar * memory.affinity()[expert]
        };
        self.scores.clear();
        self.scores.extend(logits.iter().enumerate().map(|(expert, z)| z + bonus(expert)));
    }
}

impl ExpertRouter for MemoryAwareRouter {
    fn gating(&self) -> Gating {
        self.gate.gating()
    }

    fn route(
        &mut self,
        layer: usize,
        logits: &[f32],
        resident: &[bool],
        chosen: &mut Vec<ExpertChoice>,
    ) -> Result<(), PortError> {
        self.gate.check(layer, logits, resident)?;
        let layers = self.layers.len();
        let memory = self.layers.get_mut(layer).ok_or(MoeError::NoSuchLayer { layer, layers })?;
        let range = memory.mean_range(logits);
        let top_k = self.gating().top_k();
        self.gate.clear(chosen);
        if resident.iter().all(|&r| r == resident[0]) {
            self.gate.pick(logits, top_k, chosen);
        } else {
            self.score(layer, logits, resident, range);
            self.gate.pick(logits, self.options.always_kept().min(top_k), chosen);
            self.gate.pick(&self.scores, top_k, chosen);
        }
        self.gate.weigh(logits, chosen);
        let decay = match self.options.preference() {
            Preference::History { decay, .. } => decay,
            Preference::CachePrior { .. } | Preference::Additive { .. } => 0.0,
        };
        self.layers[layer].remember(chosen, decay);
        Ok(())
    }

    fn reset(&mut self) {
        self.layers.iter_mut().for_each(LayerMemory::clear);
    }
}
