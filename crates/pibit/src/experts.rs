//! Mixtures of experts, wired: where experts lie, the budget that they page into, and who routes.

mod args;
mod embedded;
mod gate_mass;
mod mixed;
mod paging;
mod places;
mod report;
mod route_file;
mod routers;
mod shared_writer;

pub(crate) use args::{ExpertArgs, WiredExperts};
pub(crate) use gate_mass::GateMass;
pub(crate) use mixed::{Matrices, with_experts};
pub(crate) use paging::PagingArgs;
pub(crate) use places::{all_expert_bytes, expert_bytes, expert_ids};
pub(crate) use report::{ExpertReport, ExpertWatch};
pub(crate) use routers::{cache_prior, recorded, router};
pub(crate) use shared_writer::SharedWriter;

use anyhow::{Result, bail};
use moe_routing::eviction::PolicyKind;
use moe_routing::simulate::Contender;

/// How a contender evicts while a model runs.
pub(crate) fn eviction(contender: Contender) -> Result<PolicyKind> {
    match contender {
        Contender::Standard(kind) => Ok(kind),
        Contender::MemoryAware => Ok(PolicyKind::Affinity),
        _ => bail!("{contender} knows the future: `pibit moe simulate` has it, a running model has not"),
    }
}
