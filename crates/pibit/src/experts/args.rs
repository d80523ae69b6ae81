//! Options for mixtures of experts, and the ports that they ask for.

use super::route_file::RouteFile;
use super::{ExpertWatch, PagingArgs, all_expert_bytes, cache_prior, eviction, recorded, router};
use crate::context::Context;
use crate::model_ref::ModelRef;
use anyhow::{Result, bail};
use domain_types::{ExpertProvider, TensorSource};
use inference::{ExpertPorts, ResidentExperts};
use moe_routing::routing::RouterOptions;
use moe_routing::simulate::Contender;
use moe_routing::{MemoryBudget, PagedExperts};
use quant_core::{Activations, Codecs};
use std::path::PathBuf;
use std::sync::Arc;

/// Options of commands that run a model, for mixtures of experts.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct ExpertArgs {
    /// Memory for experts, such as 4MB or 25% of all: they are read from the file when they are wanted
    #[arg(long, value_name = "BUDGET")]
    expert_budget: Option<MemoryBudget>,
    /// With a budget: memory-aware, or top-k and lru, lfu, arc, least-stale or affinity
    #[arg(long, value_name = "POLICY", default_value = "memory-aware", requires = "expert_budget")]
    expert_policy: Contender,
    /// λ of memory-aware: 0 is the model's routing, 1 lets nearly any expert in memory in
    #[arg(long, value_name = "λ", default_value_t = 0.5)]
    expert_lambda: f32,
    #[command(flatten)]
    paging: PagingArgs,
    /// Write what the gates say of each token, for `pibit moe simulate --trace`
    #[arg(long, value_name = "FILE")]
    record_routes: Option<PathBuf>,
}

/// Ports for a model, and what is to be asked of them afterwards.
pub(crate) struct WiredExperts {
    pub(crate) ports: ExpertPorts,
    pub(crate) paged: Option<Arc<PagedExperts>>,
    trace: Option<RouteFile>,
}

impl ExpertArgs {
    /// Whether there is anything to wire.
    pub(crate) fn asked(&self) -> bool {
        self.expert_budget.is_some() || self.record_routes.is_some() || self.paging.asked()
    }

    /// The ports that these options ask for; none where the defaults of the runtime will do.
    pub(crate) fn wire(
        &self,
        context: &Context,
        model: &ModelRef,
        source: &dyn TensorSource,
        activations: Activations,
    ) -> Result<Option<WiredExperts>> {
        if !self.asked() {
            return Ok(None);
        }
        let spec = source.spec()?;
        if spec.experts.is_none() {
            bail!("{model} is not a mixture of experts");
        }
        let paged = match self.expert_budget {
            Some(budget) => {
                let budget = (budget.bytes(all_expert_bytes(source)?), eviction(self.expert_policy)?);
                Some(Arc::new(self.paging.open(context, (model, source), activations, budget)?))
            }
            None if self.paging.asked() => bail!("experts page only into a budget: give --expert-budget"),
            None => None,
        };
        let provider: Arc<dyn ExpertProvider> = match &paged {
            Some(paged) => Arc::clone(paged) as Arc<dyn ExpertProvider>,
            None => Arc::new(ResidentExperts::load(source, &Codecs::new(activations))?),
        };
        let aware = paged.is_some() && self.expert_policy == Contender::MemoryAware;
        let options = cache_prior(self.expert_lambda, RouterOptions::default().always_kept());
        let (router, trace) = match &self.record_routes {
            None => (router(&spec, aware.then_some(options))?, None),
            Some(path) => {
                let out = RouteFile::create(path)?;
                (recorded(&spec, source, aware.then_some(options), out.clone())?, Some(out))
            }
        };
        Ok(Some(WiredExperts { ports: ExpertPorts { router, provider }, paged, trace }))
    }
}

impl WiredExperts {
    /// What is left to do once the model ran; the ports are its own now.
    pub(crate) fn watch(self) -> (ExpertPorts, ExpertWatch) {
        (self.ports, ExpertWatch::new(self.paged, self.trace))
    }
}
