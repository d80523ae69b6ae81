//! Who chooses experts.

use super::expert_bytes;
use anyhow::{Context as _, Result};
use domain_types::{ExpertRouter, ModelSpec, TensorSource};
use moe_routing::routing::{MemoryAwareRouter, Preference, RouterOptions, StandardRouter};
use moe_routing::trace::{TraceHeader, TraceRecorder, TraceWriter};
use std::io::Write;

/// Cache-Prior of this λ and J.
pub(crate) fn cache_prior(lambda: f32, always_kept: usize) -> RouterOptions {
    RouterOptions::default().with_preference(Preference::CachePrior { lambda }).with_always_kept(always_kept)
}

/// Memory-aware where options are given, otherwise as the model does.
pub(crate) fn router(spec: &ModelSpec, aware: Option<RouterOptions>) -> Result<Box<dyn ExpertRouter>> {
    let experts = spec.experts.context("the model is not a mixture of experts")?;
    Ok(match aware {
        Some(options) => Box::new(MemoryAwareRouter::new(experts.gating, spec.layers, options)?),
        None => Box::new(StandardRouter::new(experts.gating)),
    })
}

/// A router that writes a trace of what it is asked.
pub(crate) fn recorded<W: Write + Send + 'static>(
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
