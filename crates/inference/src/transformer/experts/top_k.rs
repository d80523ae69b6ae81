//! Routing as the model was trained.

use crate::transformer::exponential;
use domain_types::{ExpertChoice, ExpertRouter, GateNorm, Gating, PortError};

/// The `k` experts of the greatest logits, whatever is in memory; the lower index wins a tie.
#[derive(Debug, Clone, Copy)]
pub struct TopK {
    gating: Gating,
}

impl TopK {
    /// A router of this gating.
    pub fn new(gating: Gating) -> Self {
        Self { gating }
    }
}

impl ExpertRouter for TopK {
    fn gating(&self) -> Gating {
        self.gating
    }

    fn route(
        &mut self,
        layer: usize,
        logits: &[f32],
        resident: &[bool],
        chosen: &mut Vec<ExpertChoice>,
    ) -> Result<(), PortError> {
        let experts = self.gating.experts();
        if logits.len() != experts || resident.len() != experts {
            return Err(PortError::invalid(format!(
                "{} logits and {} flags for {experts} experts",
                logits.len(),
                resident.len()
            )));
        }
        if let Some(expert) = logits.iter().position(|z| !z.is_finite()) {
            return Err(PortError::invalid(format!(
                "the gate of block {layer} gave {} for expert {expert}: its weights are damaged",
                logits[expert]
            )));
        }
        chosen.clear();
        while chosen.len() < self.gating.top_k() {
            let free = (0..experts).filter(|e| chosen.iter().all(|c| c.expert != *e));
            let best = free.reduce(|best, e| if logits[e] > logits[best] { e } else { best });
            let Some(expert) = best else { break };
            chosen.push(ExpertChoice { expert, weight: 0.0, before: 0.0 });
        }
        self.weigh(logits, chosen);
        Ok(())
    }

    fn reset(&mut self) {}
}

impl TopK {
    fn weigh(&self, logits: &[f32], chosen: &mut [ExpertChoice]) {
        let max = logits[chosen[0].expert];
        let exp = |z: f32| exponential::exp(z - max);
        let sum: f32 = chosen.iter().map(|c| exp(logits[c.expert])).sum();
        let total = match self.gating.norm() {
            GateNorm::Chosen => sum,
            GateNorm::All => logits.iter().map(|&z| exp(z)).sum(),
        };
        let mut before = 0.0;
        for choice in chosen {
            let weight = exp(logits[choice.expert]);
            (choice.weight, choice.before) = (weight / total, before / sum);
            before += weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain_types::testing::expert_router_conformance;

    #[test]
    fn it_keeps_the_port_s_contract() {
        for norm in [GateNorm::Chosen, GateNorm::All] {
            expert_router_conformance(&mut TopK::new(Gating::new(8, 3, norm).unwrap()), 4);
        }
    }
}
