//! A format for each expert.

use super::demand::ExpertDemand;
use super::governor::Restraint;
use domain_types::{DomainEvent, EventSink};

/// Which of its options each expert has.
#[derive(Debug, Clone, PartialEq)]
pub struct PrecisionPlan {
    choices: Vec<usize>,
    bytes: u64,
    cost: f64,
    bound: f64,
}

impl PrecisionPlan {
    /// The plan of these choices; `bound` is what no plan of the same budget costs less than.
    pub(super) fn new(experts: &[ExpertDemand], choices: Vec<usize>, bound: f64) -> Self {
        let bytes = experts.iter().zip(&choices).map(|(e, &c)| e.options()[c].bytes).sum();
        let cost: f64 = experts.iter().zip(&choices).map(|(e, &c)| e.cost(c)).sum();
        Self { choices, bytes, cost, bound: bound.min(cost) }
    }

    /// Index into [`ExpertDemand::options`] of each expert.
    pub fn choices(&self) -> &[usize] {
        &self.choices
    }

    /// Bytes of all experts.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Σ frequency · error.
    pub fn cost(&self) -> f64 {
        self.cost
    }

    /// How far the plan is above a proven lower bound of the cost, at most; 0 where it is proven optimal.
    pub fn gap(&self) -> f64 {
        self.cost - self.bound
    }

    /// The plan that the device can afford now: every expert one format smaller, or all in their smallest. No statement
    /// about optimality is made, so the gap is that to no cost at all.
    #[must_use]
    pub fn restrained(&self, experts: &[ExpertDemand], restraint: Restraint) -> Self {
        let smaller = |choice: &usize| match restraint {
            Restraint::None => *choice,
            Restraint::OneStep => choice.saturating_sub(1),
            Restraint::Minimum => 0,
        };
        let bound = if restraint == Restraint::None { self.bound } else { 0.0 };
        Self::new(experts, self.choices.iter().map(smaller).collect(), bound)
    }

    /// Tells of every expert whose precision differs from `before`.
    ///
    /// # Panics
    /// If the plans are not of these experts.
    pub fn announce(&self, before: &Self, experts: &[ExpertDemand], reason: &str, events: &dyn EventSink) {
        assert_eq!((self.choices.len(), before.choices.len()), (experts.len(), experts.len()));
        for (expert_id, (demand, (&old, &new))) in
            experts.iter().zip(before.choices.iter().zip(&self.choices)).enumerate()
        {
            if old != new {
                let [old_bits, new_bits] = [old, new].map(|choice| demand.options()[choice].bits);
                let reason = reason.into();
                events.record(&DomainEvent::PrecisionRebalanced { expert_id, old_bits, new_bits, reason });
            }
        }
    }
}
