//! From options to experts that page into a budget.

use super::places::store;
use crate::context::Context;
use crate::model_ref::ModelRef;
use anyhow::{Context as _, Result};
use domain_types::{CodecSet, Linear, TensorSource};
use moe_routing::cache::{CacheParts, ExpertCache};
use moe_routing::device::SysfsSensor;
use moe_routing::eviction::PolicyKind;
use moe_routing::precision::{Governor, MissPolicy};
use moe_routing::prefetch::NextGates;
use moe_routing::{ModelSize, PagedExperts, WithLowCopies};
use observability::SystemClock;
use quant_core::{Activations, Codecs};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Time between two looks at the device.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What experts are guessed from before they are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Prefetch {
    /// Nothing is loaded ahead
    #[default]
    Off,
    /// What usually follows the experts of this layer
    Affinity,
    /// What the next layer's gate says of this layer's input
    Gates,
}

/// How experts page, besides budget and policy.
#[derive(clap::Args, Debug, Clone, Default)]
pub(crate) struct PagingArgs {
    /// Load experts ahead, by a thread of its own. With memory-aware routing texts then depend on the timing of loads
    #[arg(long = "expert-prefetch", value_enum, value_name = "WHAT", default_value = "off")]
    prefetch: Prefetch,
    /// The same model in fewer bits: an absent expert of little weight is taken from it (HOBBIT)
    #[arg(long = "expert-low", value_name = "MODEL")]
    low: Option<ModelRef>,
    /// With --expert-low: take the low copy of an absent expert where a token's better experts have more than this share
    /// of its gate's weight [default: 0.6]
    #[arg(long = "expert-low-above", value_name = "SHARE", requires = "low")]
    low_above: Option<f32>,
    /// Do without an absent expert where a token's better ones have more than this share [default: 1, without none]
    #[arg(long = "expert-skip-above", value_name = "SHARE")]
    skip_above: Option<f32>,
    /// Load low copies while battery, heat or memory pressure ask for it; FOLDER has `sys` and `proc`
    #[arg(
        long = "expert-governor",
        value_name = "FOLDER",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "/",
        requires = "low"
    )]
    governor: Option<PathBuf>,
}

impl PagingArgs {
    /// Whether any of these was given.
    pub(crate) fn asked(&self) -> bool {
        self.prefetch != Prefetch::Off
            || self.low.is_some()
            || self.skip_above.is_some()
            || self.governor.is_some()
    }

    /// The experts of a model, which page into `budget` bytes.
    pub(crate) fn open(
        &self,
        context: &Context,
        (model, source): (&ModelRef, &dyn TensorSource),
        activations: Activations,
        (budget, policy): (u64, PolicyKind),
    ) -> Result<PagedExperts> {
        let mut experts = store(context, model, source)?;
        if let Some(low) = &self.low {
            let copies = store(context, low, &*low.open(context)?)?;
            let both = WithLowCopies::new(experts, copies).with_context(|| format!("low copies of {low}"))?;
            experts = Arc::new(both);
        }
        let size = ModelSize::new(experts.layers(), experts.experts());
        let codecs = Codecs::new(activations);
        let parts = CacheParts {
            store: experts,
            codecs: Arc::new(codecs),
            events: Arc::clone(&context.sink),
            clock: Arc::new(SystemClock::new()),
        };
        let cache = Arc::new(ExpertCache::new(parts, usize::try_from(budget)?, policy.build(size)));
        let mut paged = PagedExperts::new(cache).with_miss_policy(self.on_miss()?);
        paged = match self.prefetch {
            Prefetch::Off => paged,
            Prefetch::Affinity => paged.with_prefetch(1, None),
            Prefetch::Gates => paged.with_prefetch(1, Some(gates(source, codecs, size)?)),
        };
        if let Some(root) = &self.governor {
            let sensor = Arc::new(SysfsSensor::at(root));
            paged = paged.with_governor(sensor, Governor::default(), LOOK_EVERY);
        }
        Ok(paged)
    }

    fn on_miss(&self) -> Result<MissPolicy> {
        let skip_above = self.skip_above.unwrap_or(1.0);
        let low_above = match &self.low {
            None => skip_above,
            Some(_) => self.low_above.unwrap_or(0.6_f32.min(skip_above)),
        };
        Ok(MissPolicy::new(low_above, skip_above)?)
    }
}

/// The gate of each layer.
fn gates(source: &dyn TensorSource, codecs: Codecs, size: ModelSize) -> Result<NextGates> {
    let gate = |layer: usize| -> Result<Option<Box<dyn Linear>>> {
        let tensor = source.tensor(&format!("blk.{layer}.ffn_gate_inp.weight"))?;
        Ok(Some(codecs.require(tensor.format())?.linear(tensor)?))
    };
    Ok(NextGates::new((0..size.layers()).map(gate).collect::<Result<_>>()?))
}
