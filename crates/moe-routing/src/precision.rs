//! How many bits each expert gets.
//!
//! Ahead of time: [`ExpertPrecisionAllocator`]s choose a format per expert from how often it is used and how much each
//! format hurts it, within a budget of bytes. At run time: a [`MissPolicy`] says when a low copy will do, and a
//! [`Governor`] when the device cannot afford what was planned.

mod demand;
mod governor;
mod knapsack;
mod miss;
mod percentile;
mod plan;

pub use demand::{ExpertDemand, FormatOption};
pub use governor::{Governor, Restraint};
pub use knapsack::Knapsack;
pub use miss::{MissAction, MissPolicy};
pub use percentile::PercentileRule;
pub use plan::PrecisionPlan;

use crate::MoeError;

/// Chooses a format for each expert.
pub trait ExpertPrecisionAllocator {
    /// A choice of at most `budget` bytes; an error where there is none.
    fn allocate(&self, experts: &[ExpertDemand], budget: u64) -> Result<PrecisionPlan, MoeError>;
}
