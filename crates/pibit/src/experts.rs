//! Mixtures of experts, wired: where experts lie, the budget that they page into, and who routes.

mod gate_mass;
mod places;
mod shared_writer;

pub(crate) use gate_mass::GateMass;
pub(crate) use places::{STACKS, expert_bytes, store};
pub(crate) use shared_writer::SharedWriter;

use crate::context::Context;
use crate::model_ref::ModelRef;
use anyhow::{Context as _, Result, bail};
use domain_types::{ExpertProvider, ExpertRouter, ModelSpec, TensorSource};
use inference::{ExpertPorts, ResidentExperts};
use moe_routing::cache::{CacheParts, ExpertCache};
use moe_routing::eviction::PolicyKind;
use moe_routing::routing::{MemoryAwareRouter, Preference, RouterOptions, StandardRouter};
use moe_routing::simulate::Contender;
use moe_routing::trace::{TraceHeader, TraceRecorder, TraceWriter};
use moe_routing::{MemoryBudget, ModelSize, PagedExperts};
use observability::SystemClock;
use observability::TracingSink;
use quant_core::{Activations, Codecs};
use std::fs::File;
use std::io::{BufWriter, Write as _};
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
    /// Write what the gates say of each token, for `pibit moe simulate --trace`
    #[arg(long, value_name = "FILE")]
    record_routes: Option<PathBuf>,
}

/// Ports for a model, and what is to be asked of them afterwards.
pub(crate) struct WiredExperts {
    pub(crate) ports: ExpertPorts,
    pub(crate) paged: Option<Arc<PagedExperts>>,
    trace: Option<SharedWriter<BufWriter<File>>>,
}

impl ExpertArgs {
    /// Whether there is anything to wire.
    pub(crate) fn asked(&self) -> bool {
        self.expert_budget.is_some() || self.record_routes.is_some()
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
        let Some(experts) = spec.experts else { bail!("{model} is not a mixture of experts") };
        let paged = match self.expert_budget {
            Some(budget) => {
                let bytes =
                    budget.bytes(expert_bytes(source)? * (spec.layers * experts.gating.experts()) as u64);
                Some(paged(context, model, source, activations, bytes, eviction(self.expert_policy)?)?)
            }
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
                let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
                let out = SharedWriter::new(BufWriter::new(file));
                (recorded(&spec, source, aware.then_some(options), out.clone())?, Some(out))
            }
        };
        Ok(Some(WiredExperts { ports: ExpertPorts { router, provider }, paged, trace }))
    }
}

impl WiredExperts {
    /// What is left to do once the model ran; the ports are its own now.
    pub(crate) fn watch(self) -> (ExpertPorts, ExpertWatch) {
        (self.ports, ExpertWatch { paged: self.paged, trace: self.trace })
    }
}

/// What remains of the wiring while a model runs.
#[derive(Default)]
pub(crate) struct ExpertWatch {
    paged: Option<Arc<PagedExperts>>,
    trace: Option<SharedWriter<BufWriter<File>>>,
}

impl ExpertWatch {
    /// Writes the rest of a trace and tells how the cache did.
    pub(crate) fn finish(&mut self, context: &Context) -> Result<()> {
        if let Some(trace) = &mut self.trace {
            trace.flush().context("the recorded routes could not be written")?;
        }
        if let Some(paged) = &self.paged {
            let (stats, arena) = (paged.cache().stats(), paged.cache().arena());
            context.progress.note(&format!(
                "experts: {:.1}% of {} uses were in memory; {:.2} MB loaded into {:.2} MB",
                100.0 * stats.hit_rate(),
                stats.hits + stats.misses,
                stats.bytes_loaded as f64 / 1e6,
                arena.budget() as f64 / 1e6
            ));
        }
        Ok(())
    }
}

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

/// Cache-Prior of this λ and J.
pub(crate) fn cache_prior(lambda: f32, always_kept: usize) -> RouterOptions {
    RouterOptions::default().with_preference(Preference::CachePrior { lambda }).with_always_kept(always_kept)
}

/// How a contender evicts while a model runs.
pub(crate) fn eviction(contender: Contender) -> Result<PolicyKind> {
    match contender {
        Contender::Standard(kind) => Ok(kind),
        Contender::MemoryAware => Ok(PolicyKind::Affinity),
        _ => bail!("{contender} knows the future: `pibit moe simulate` has it, a running model has not"),
    }
}

fn router(spec: &ModelSpec, aware: Option<RouterOptions>) -> Result<Box<dyn ExpertRouter>> {
    let experts = spec.experts.context("the model is not a mixture of experts")?;
    Ok(match aware {
        Some(options) => Box::new(MemoryAwareRouter::new(experts.gating, spec.layers, options)?),
        None => Box::new(StandardRouter::new(experts.gating)),
    })
}

/// A router that writes a trace of what it is asked.
pub(crate) fn recorded<W: std::io::Write + Send + 'static>(
    spec: &ModelSpec,
    source: &dyn TensorSource,
    aware: Option<RouterOptions>,
    out: W,
) -> Result<Box<dyn ExpertRouter>> {
    let experts = spec.experts.context("the model is not a mixture of experts")?;
    let header = TraceHeader::new(spec.layers, experts.gating, expert_bytes(source)?)?;
    let writer = TraceWriter::new(out, header)?;
    Ok(match aware {
        Some(options) => {
            let router = MemoryAwareRouter::new(experts.gating, spec.layers, options)?;
            Box::new(TraceRecorder::new(router, writer)?)
        }
        None => Box::new(TraceRecorder::new(StandardRouter::new(experts.gating), writer)?),
    })
}
