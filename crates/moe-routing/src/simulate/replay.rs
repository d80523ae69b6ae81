//! One contender, one trace.

use super::{Contender, SimulationOptions, SimulationReport};
use crate::eviction::{EvictionPolicy, Moment};
use crate::trace::RoutingTrace;
use crate::{ExpertCopy, ModelSize, MoeError};
use domain_types::{ExpertChoice, ExpertId, ExpertRouter};

/// A cache in which experts are numbers.
pub(super) struct Replay<'a> {
    trace: &'a RoutingTrace,
    options: &'a SimulationOptions,
    size: ModelSize,
    router: Box<dyn ExpertRouter>,
    policy: Box<dyn EvictionPolicy>,
    /// Layers × experts.
    resident: Vec<bool>,
    residents: usize,
    capacity: usize,
    candidates: Vec<ExpertCopy>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(
        trace: &'a RoutingTrace,
        router: Box<dyn ExpertRouter>,
        mut policy: Box<dyn EvictionPolicy>,
        options: &'a SimulationOptions,
    ) -> Self {
        policy.resized(options.budget as usize);
        let size = trace.size();
        let resident = vec![false; size.layers() * size.experts()];
        let capacity = (options.budget / trace.header().expert_bytes()) as usize;
        Self {
            trace,
            options,
            size,
            router,
            policy,
            resident,
            residents: 0,
            capacity,
            candidates: Vec::new(),
        }
    }

    pub(super) fn run(mut self, contender: Contender) -> Result<SimulationReport, MoeError> {
        let (tokens, layers) = (self.trace.tokens(), self.size.layers());
        let bytes = self.trace.header().expert_bytes();
        let (mut chosen, mut times) = (Vec::new(), Vec::with_capacity(tokens));
        let (mut uses, mut misses, mut mass) = (0, 0, 0.0);
        let mut token_hit_rates = Vec::with_capacity(tokens);
        for token in 0..tokens {
            let (mut loads, uses_before) = (0, uses);
            for layer in 0..layers {
                let now = Moment { pass: token as u64, layer };
                let logits = self.trace.logits(token, layer);
                let residency = &self.resident[layer * self.size.experts()..][..self.size.experts()];
                self.router.route(layer, logits, residency, &mut chosen).map_err(MoeError::Routing)?;
                uses += chosen.len() as u64;
                mass += kept_mass(logits, &chosen);
                loads += self.compute(&chosen, now);
            }
            misses += loads;
            token_hit_rates.push(1.0 - loads as f64 / (uses - uses_before).max(1) as f64);
            times.push(self.options.storage.token_seconds(loads, bytes));
        }
        let total: f64 = times.iter().sum();
        times.sort_by(f64::total_cmp);
        let p99 = times.get((times.len() * 99).div_ceil(100).saturating_sub(1));
        Ok(SimulationReport {
            contender,
            uses,
            hits: uses - misses,
            bytes_per_token: (misses * bytes) as f64 / tokens.max(1) as f64,
            tokens_per_s: if total > 0.0 { tokens as f64 / total } else { 0.0 },
            p99_token_ms: p99.map_or(0.0, |seconds| seconds * 1e3),
            gate_mass: mass / (tokens * layers).max(1) as f64,
            token_hit_rates,
        })
    }

    /// Uses a layer's choice as the real cache does: what the layer chose is evicted last. Experts that were loaded.
    fn compute(&mut self, chosen: &[ExpertChoice], now: Moment) -> u64 {
        let bytes = self.trace.header().expert_bytes() as usize;
        let mut loads = 0;
        for choice in chosen {
            let copy = ExpertCopy::full(ExpertId::new(now.layer, choice.expert));
            let index = copy.id.index(self.size.experts());
            if !self.resident[index] {
                loads += 1;
                self.policy.missed(copy, bytes);
                if self.residents == self.capacity {
                    self.evict(chosen, now);
                }
                self.residents += 1;
                self.resident[index] = true;
                self.policy.loaded(copy, bytes, now);
            }
            self.policy.used(copy, now);
        }
        loads
    }

    fn evict(&mut self, chosen: &[ExpertChoice], now: Moment) {
        self.gather(|id| id.layer != now.layer || chosen.iter().all(|c| c.expert != id.expert));
        if self.candidates.is_empty() {
            self.gather(|_| true);
        }
        let victim = self.candidates[self.policy.victim(&self.candidates, now)];
        self.resident[victim.id.index(self.size.experts())] = false;
        self.residents -= 1;
        self.policy.evicted(victim);
    }

    fn gather(&mut self, may_go: impl Fn(ExpertId) -> bool) {
        let experts = self.size.experts();
        let resident = self.resident.iter().enumerate().filter(|(_, r)| **r);
        let ids = resident.map(|(i, _)| ExpertId::new(i / experts, i % experts));
        self.candidates.clear();
        self.candidates.extend(ids.filter(|&id| may_go(id)).map(ExpertCopy::full));
    }
}

/// Σ exp(logit) of the chosen over that of as many of the greatest.
fn kept_mass(logits: &[f32], chosen: &[ExpertChoice]) -> f64 {
    let mut sorted = logits.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let weight = |z: f32| f64::from(z - sorted[0]).exp();
    let best: f64 = sorted[..chosen.len()].iter().map(|&z| weight(z)).sum();
    chosen.iter().map(|c| weight(logits[c.expert])).sum::<f64>() / best
}
