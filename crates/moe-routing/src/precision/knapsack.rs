//! The cheapest plan within a budget: a multiple-choice knapsack.

mod exact;
mod relaxed;

use super::demand::{ExpertDemand, least_bytes};
use super::{ExpertPrecisionAllocator, PrecisionPlan};
use crate::MoeError;

/// Minimises Σ frequency · error over all choices of one format per expert that fit (Kellerer, Pferschy and Pisinger
/// 2004, chapter 11).
///
/// The relaxation that may split one expert between two formats gives a plan and a lower bound on every plan. Where the
/// two differ and the problem is small enough, dynamic programming over bytes finds the optimum; sizes of experts are
/// multiples of large numbers, so it counts in these and is exact. [`PrecisionPlan::gap`] tells what was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Knapsack {
    most_cells: u64,
}

/// Exact for up to 64 million cells: as many bytes of memory, and about a second.
impl Default for Knapsack {
    fn default() -> Self {
        Self { most_cells: 1 << 26 }
    }
}

impl Knapsack {
    /// Size (experts × budget in units) above which the relaxation's plan is taken with the gap it has.
    #[must_use]
    pub fn with_most_cells(mut self, cells: u64) -> Self {
        self.most_cells = cells;
        self
    }
}

impl ExpertPrecisionAllocator for Knapsack {
    fn allocate(&self, experts: &[ExpertDemand], budget: u64) -> Result<PrecisionPlan, MoeError> {
        let spare = budget - least_bytes(experts, budget)?;
        let (choices, bound) = relaxed::solve(experts, spare);
        let plan = PrecisionPlan::new(experts, choices, bound);
        if plan.gap() <= 1e-12 * plan.cost() {
            return Ok(plan);
        }
        let exact = exact::solve(experts, spare, self.most_cells);
        Ok(exact.map_or(plan, |choices| PrecisionPlan::new(experts, choices, f64::INFINITY)))
    }
}
