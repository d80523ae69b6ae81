//! What all routers share: checking logits, picking the greatest, and weights.

use crate::MoeError;
use domain_types::{ExpertChoice, GateNorm, Gating};

/// A gate with room for one decision, so that deciding allocates nothing.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    gating: Gating,
    picked: Vec<bool>,
}

impl Gate {
    pub(super) fn new(gating: Gating) -> Self {
        Self { gating, picked: vec![false; gating.experts()] }
    }

    pub(super) fn gating(&self) -> Gating {
        self.gating
    }

    pub(super) fn check(&self, layer: usize, logits: &[f32], resident: &[bool]) -> Result<(), MoeError> {
        let expected = self.gating.experts();
        for (what, actual) in [("router logits", logits.len()), ("residency flags", resident.len())] {
            if actual != expected {
                return Err(MoeError::Length { what, expected, actual });
            }
        }
        match logits.iter().position(|z| !z.is_finite()) {
            Some(expert) => Err(MoeError::BadLogit { layer, expert, value: logits[expert] }),
            None => Ok(()),
        }
    }

    /// Begins a decision.
    pub(super) fn clear(&mut self, chosen: &mut Vec<ExpertChoice>) {
        self.picked.fill(false);
        chosen.clear();
    }

    /// Picks those with the greatest scores among the experts not yet picked, until `count` are chosen; the lower index
    /// wins a tie. A pass per expert is fastest for the few that are ever wanted.
    pub(super) fn pick(&mut self, scores: &[f32], count: usize, chosen: &mut Vec<ExpertChoice>) {
        while chosen.len() < count {
            let mut best: Option<usize> = None;
            for (expert, &score) in scores.iter().enumerate() {
                if !self.picked[expert] && best.is_none_or(|b| score > scores[b]) {
                    best = Some(expert);
                }
            }
            let Some(expert) = best else { return };
            self.picked[expert] = true;
            chosen.push(ExpertChoice { expert, weight: 0.0, before: 0.0 });
        }
    }

    /// Weights the chosen experts by a softmax of the logits and puts the greatest first.
    pub(super) fn weigh(&self, logits: &[f32], chosen: &mut [ExpertChoice]) {
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        // Softmax over the chosen ones is taken relative to the best of them: the best of all may be far above.
        let best = chosen.iter().map(|c| logits[c.expert]).fold(f32::NEG_INFINITY, f32::max);
        let (reference, over_all) = match self.gating.norm() {
            GateNorm::Chosen => (best, None),
            GateNorm::All => (max, Some(logits.iter().map(|z| (z - max).exp()).sum::<f32>())),
        };
        for choice in chosen.iter_mut() {
            choice.weight = (logits[choice.expert] - reference).exp();
        }
        chosen.sort_unstable_by(|a, b| b.weight.total_cmp(&a.weight).then(a.expert.cmp(&b.expert)));
        let sum: f32 = chosen.iter().map(|c| c.weight).sum();
        let (total, mut before) = (over_all.unwrap_or(sum), 0.0);
        for choice in chosen.iter_mut() {
            choice.before = if sum > 0.0 { before / sum } else { 0.0 };
            before += choice.weight;
            choice.weight /= total;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighed(norm: GateNorm, logits: &[f32], count: usize) -> Vec<ExpertChoice> {
        let mut gate = Gate::new(Gating::new(logits.len(), count, norm).unwrap());
        let mut chosen = Vec::new();
        gate.clear(&mut chosen);
        gate.pick(logits, count, &mut chosen);
        gate.weigh(logits, &mut chosen);
        chosen
    }

    /// From the definition, in F64: softmax over all, then divided by the sum of the chosen for `Chosen`.
    fn oracle(norm: GateNorm, logits: &[f32], chosen: &[usize]) -> Vec<f64> {
        let all: f64 = logits.iter().map(|&z| f64::from(z).exp()).sum();
        let p: Vec<f64> = chosen.iter().map(|&e| f64::from(logits[e]).exp() / all).collect();
        let divisor = if norm == GateNorm::Chosen { p.iter().sum() } else { 1.0 };
        p.iter().map(|p| p / divisor).collect()
    }

    #[test]
    fn weights_are_those_of_the_definition() {
        let logits = [0.3, -1.2, 2.5, 2.4, 0.0, -7.0];
        for norm in [GateNorm::Chosen, GateNorm::All] {
            let chosen = weighed(norm, &logits, 3);
            let experts: Vec<usize> = chosen.iter().map(|c| c.expert).collect();
            assert_eq!(experts, [2, 3, 0]);
            for (c, w) in chosen.iter().zip(oracle(norm, &logits, &experts)) {
                assert!((f64::from(c.weight) - w).abs() < 1e-6, "{c:?}, {w}");
            }
        }
    }

    #[test]
    fn extreme_logits_and_ties_are_no_trouble() {
        let chosen = weighed(GateNorm::Chosen, &[-3e38, 3e38, 3e38, 0.0], 2);
        assert_eq!(chosen.iter().map(|c| (c.expert, c.weight)).collect::<Vec<_>>(), [(1, 0.5), (2, 0.5)]);
        let one_above_all = weighed(GateNorm::All, &[100.0, -100.0, -100.0], 2);
        assert_eq!((one_above_all[0].weight, one_above_all[1].weight), (1.0, 0.0));
    }
}
