//! Mixtures of experts, wired: where experts lie, the budget that they page into, and who routes.

mod args;
mod gate_mass;
mod places;
mod report;
mod route_file;
mod routers;
mod shared_writer;

pub(crate) use args::{ExpertArgs, WiredExperts};
pub(crate) use gate_mass::GateMass;
pub(crate) use places::{STACKS, expert_bytes, store};
pub(crate) use report::{ExpertReport, ExpertWatch};
pub(crate) use routers::{cache_prior, recorded, router};
pub(crate) use shared_writer::SharedWriter;

use crate::context::Context;
use crate::model_ref::ModelRef;
use anyhow::{Result, bail};
use domain_types::TensorSource;
use moe_routing::cache::{CacheParts, ExpertCache};
use moe_routing::eviction::PolicyKind;
use moe_routing::simulate::Contender;
use moe_routing::{ModelSize, PagedExperts};
use observability::{SystemClock, TracingSink};
use quant_core::{Activations, Codecs};
use std::sync::Arc;

/// Experts that page into a budget.
pub(crate) fn paged(
    context: &Context,
    model: &ModelRef,
    source: &dyn TensorSource,
    activations: Activations,
    budget: u64,
    policy: PolicyKind,
) -> Result<Arc<PagedExperts>> {
    let store = store(context, model, source)?;
    let size = ModelSize::new(store.layers(), store.experts());
    let parts = CacheParts {
        store,
        codecs: Arc::new(Codecs::new(activations)),
        events: Arc::new(TracingSink),
        clock: Arc::new(SystemClock::new()),
    };
    Ok(Arc::new(PagedExperts::new(Arc::new(ExpertCache::new(parts, budget as usize, policy.build(size))))))
}

/// How a contender evicts while a model runs.
pub(crate) fn eviction(contender: Contender) -> Result<PolicyKind> {
    match contender {
        Contender::Standard(kind) => Ok(kind),
        Contender::MemoryAware => Ok(PolicyKind::Affinity),
        _ => bail!("{contender} knows the future: `pibit moe simulate` has it, a running model has not"),
    }
}
