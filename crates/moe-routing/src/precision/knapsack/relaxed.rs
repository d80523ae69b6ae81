//! The relaxation, solved greedily.

use crate::precision::ExpertDemand;

/// From one format of an expert to a larger one on the lower convex hull of its costs.
struct Step {
    expert: usize,
    to: usize,
    bytes: u64,
    gain: f64,
}

impl Step {
    fn gain_per_byte(&self) -> f64 {
        self.gain / self.bytes as f64
    }
}

/// Takes the steps of most gain per byte while they fit. The first one that does not fit would, in part, be all that the
/// relaxation still takes: that is the lower bound. Later steps that fit are taken all the same.
pub(super) fn solve(experts: &[ExpertDemand], spare: u64) -> (Vec<usize>, f64) {
    let mut steps: Vec<Step> = experts.iter().enumerate().flat_map(|(i, e)| hull(i, e)).collect();
    // Along a hull gains per byte fall; equal ones must keep the expert's order.
    steps.sort_by(|a, b| {
        let by_gain = b.gain_per_byte().total_cmp(&a.gain_per_byte());
        by_gain.then(a.expert.cmp(&b.expert)).then(a.to.cmp(&b.to))
    });
    let mut choices = vec![0; experts.len()];
    let mut stopped = vec![false; experts.len()];
    let mut cost: f64 = experts.iter().map(|e| e.cost(0)).sum();
    let (mut left, mut bound) = (spare, None);
    for step in steps {
        if step.bytes > left {
            bound.get_or_insert(cost - step.gain_per_byte() * left as f64);
            stopped[step.expert] = true;
        }
        if !stopped[step.expert] {
            left -= step.bytes;
            cost -= step.gain;
            choices[step.expert] = step.to;
        }
    }
    (choices, bound.unwrap_or(cost))
}

/// Steps along the lower convex hull of (bytes, cost), from the smallest format on.
fn hull(expert: usize, demand: &ExpertDemand) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for to in 1..demand.options().len() {
        let mut from = steps.last().map_or(0, |step| step.to);
        while demand.cost(to) < demand.cost(from) {
            let step = Step {
                expert,
                to,
                bytes: demand.options()[to].bytes - demand.options()[from].bytes,
                gain: demand.cost(from) - demand.cost(to),
            };
            match steps.last() {
                // The format before it lies above the line past it.
                Some(last) if last.gain_per_byte() <= step.gain_per_byte() => {
                    steps.pop();
                    from = steps.last().map_or(0, |step| step.to);
                }
                _ => {
                    steps.push(step);
                    break;
                }
            }
        }
    }
    steps
}
