//! Which experts texts of each domain use.

use moe_routing::trace::RoutingTrace;
use serde::Serialize;
use std::collections::BTreeMap;

/// Share of a domain's choices that fall on each expert: layer, then expert.
pub(super) type UseByDomain = BTreeMap<String, Vec<Vec<f64>>>;

/// Routing per domain, and how far domains are apart.
#[derive(Serialize)]
pub(super) struct Specialization {
    /// Total variation between a domain's use and that of all domains, mean over layers, 0 to 1: 0 where experts do not
    /// care for domains.
    distance: BTreeMap<String, f64>,
    share: UseByDomain,
}

impl Specialization {
    /// Counts the top-k of a trace.
    pub(super) fn of(trace: &RoutingTrace) -> Self {
        let (gating, layers) = (trace.header().gating(), trace.size().layers());
        let mut counts: UseByDomain = BTreeMap::new();
        let mut all = vec![vec![0.0; gating.experts()]; layers];
        for token in 0..trace.tokens() {
            let empty = || vec![vec![0.0; gating.experts()]; layers];
            let domain = counts.entry(trace.domain(token).to_owned()).or_insert_with(empty);
            for layer in 0..layers {
                let logits = trace.logits(token, layer);
                let mut order: Vec<usize> = (0..logits.len()).collect();
                order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
                for &expert in &order[..gating.top_k()] {
                    domain[layer][expert] += 1.0;
                    all[layer][expert] += 1.0;
                }
            }
        }
        for layer in counts.values_mut().flatten().chain(&mut all) {
            normalize(layer);
        }
        let apart = |of: &[Vec<f64>]| {
            let layers = of
                .iter()
                .zip(&all)
                .map(|(p, q)| p.iter().zip(q).map(|(p, q)| (p - q).abs()).sum::<f64>() / 2.0);
            layers.sum::<f64>() / all.len() as f64
        };
        let distance = counts.iter().map(|(domain, of)| (domain.clone(), apart(of))).collect();
        Self { distance, share: counts }
    }
}

fn normalize(shares: &mut [f64]) {
    let sum: f64 = shares.iter().sum();
    for share in shares {
        *share /= sum.max(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain_types::{GateNorm, Gating};
    use moe_routing::trace::TraceHeader;

    #[test]
    fn domains_with_experts_of_their_own_are_far_apart() {
        let gating = Gating::new(2, 1, GateNorm::Chosen).unwrap();
        let mut trace = RoutingTrace::new(TraceHeader::new(1, gating, 1).unwrap());
        for _ in 0..3 {
            trace.push("a", &[1.0, 0.0]).unwrap();
            trace.push("b", &[0.0, 1.0]).unwrap();
        }
        let found = Specialization::of(&trace);
        assert_eq!(found.share["a"], [[1.0, 0.0]]);
        assert_eq!(found.distance["b"], 0.5);
    }
}
