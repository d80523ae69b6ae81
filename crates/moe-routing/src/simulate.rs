//! What routing and eviction would have done with a recorded trace, without computing anything.

mod contender;
mod replay;
mod report;
mod storage;

pub use contender::Contender;
pub use report::SimulationReport;
pub use storage::StorageModel;

use crate::eviction::Belady;
use crate::routing::{MemoryAwareRouter, RouterOptions, StandardRouter};
use crate::trace::RoutingTrace;
use crate::{ExpertCopy, MoeError};
use domain_types::{ExpertId, ExpertRouter};
use replay::Replay;

/// What contenders have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimulationOptions {
    /// Bytes for experts.
    pub budget: u64,
    /// How long things take.
    pub storage: StorageModel,
    /// How [`Contender::MemoryAware`] routes.
    pub router: RouterOptions,
}

/// Replays a trace.
pub fn simulate(
    trace: &RoutingTrace,
    contender: Contender,
    options: &SimulationOptions,
) -> Result<SimulationReport, MoeError> {
    let (size, gating) = (trace.size(), trace.header().gating());
    let bytes = trace.header().expert_bytes();
    if bytes > options.budget {
        let (bytes, budget) = (bytes as usize, options.budget as usize);
        return Err(MoeError::BudgetTooSmall { bytes, budget });
    }
    let router: Box<dyn ExpertRouter> = match contender {
        Contender::MemoryAware => Box::new(MemoryAwareRouter::new(gating, size.layers(), options.router)?),
        Contender::Standard(_) | Contender::Belady => Box::new(StandardRouter::new(gating)),
    };
    let policy = match contender {
        Contender::Standard(kind) => kind.build(size),
        Contender::MemoryAware => crate::eviction::PolicyKind::Affinity.build(size),
        Contender::Belady => Box::new(Belady::new(size, standard_uses(trace)?)),
    };
    Replay::new(trace, router, policy, options).run(contender)
}

/// Every use of an expert under standard routing, in order.
fn standard_uses(trace: &RoutingTrace) -> Result<Vec<ExpertCopy>, MoeError> {
    let mut router = StandardRouter::new(trace.header().gating());
    let resident = vec![false; trace.size().experts()];
    let (mut uses, mut chosen) = (Vec::new(), Vec::new());
    for (token, layer) in (0..trace.tokens()).flat_map(|t| (0..trace.size().layers()).map(move |l| (t, l))) {
        router.route(layer, trace.logits(token, layer), &resident, &mut chosen).map_err(MoeError::Routing)?;
        uses.extend(chosen.iter().map(|c| ExpertCopy::full(ExpertId::new(layer, c.expert))));
    }
    Ok(uses)
}
