//! What became of experts while a model ran.

use super::route_file::RouteFile;
use crate::context::Context;
use anyhow::Result;
use moe_routing::PagedExperts;
use moe_routing::precision::Restraint;
use serde::Serialize;
use std::sync::Arc;

/// What remains of the wiring while a model runs.
#[derive(Default)]
pub(crate) struct ExpertWatch {
    paged: Option<Arc<PagedExperts>>,
    trace: Option<RouteFile>,
}

/// How a budget was used.
#[derive(Serialize, Clone, Copy)]
pub(crate) struct ExpertReport {
    budget_bytes: usize,
    /// Most bytes in use at once, loads included.
    peak_bytes: usize,
    hit_rate: f64,
    hits: u64,
    misses: u64,
    bytes_loaded: u64,
    evictions: u64,
    /// Loaded before they were wanted, and how many of these were used.
    prefetches: u64,
    prefetches_used: u64,
    /// Low copies used, and experts left out.
    low_uses: u64,
    skipped: u64,
    /// Times that an expert's precision was another than the time before.
    rebalanced: u64,
    /// What the governor demands at the end: `none`, `one-step` or `minimum`.
    restraint: &'static str,
}

impl ExpertWatch {
    pub(super) fn new(paged: Option<Arc<PagedExperts>>, trace: Option<RouteFile>) -> Self {
        Self { paged, trace }
    }

    /// Completes a trace; where there is a budget, tells how it was used.
    pub(crate) fn finish(&mut self, context: &Context) -> Result<Option<ExpertReport>> {
        if let Some(trace) = &self.trace {
            trace.finish()?;
        }
        if let Some(paged) = &self.paged {
            paged.cancel_prefetch();
        }
        let report = self.paged.as_deref().map(ExpertReport::of);
        if let Some(report) = &report {
            context.progress.note(&report.to_string());
        }
        Ok(report)
    }
}

impl ExpertReport {
    fn of(paged: &PagedExperts) -> Self {
        let (stats, arena) = (paged.cache().stats(), paged.cache().arena());
        let stand_ins = paged.stand_ins();
        Self {
            budget_bytes: arena.budget(),
            peak_bytes: arena.peak(),
            hit_rate: stats.hit_rate(),
            hits: stats.hits,
            misses: stats.misses,
            bytes_loaded: stats.bytes_loaded,
            evictions: stats.evictions,
            prefetches: stats.prefetches,
            prefetches_used: stats.prefetches_used,
            low_uses: stand_ins.low,
            skipped: stand_ins.skipped,
            rebalanced: stand_ins.rebalanced,
            restraint: match paged.restraint() {
                Restraint::None => "none",
                Restraint::OneStep => "one-step",
                Restraint::Minimum => "minimum",
            },
        }
    }
}

impl std::fmt::Display for ExpertReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "experts: {:.1}% of {} uses were in memory; {:.2} MB loaded into {:.2} MB",
            100.0 * self.hit_rate,
            self.hits + self.misses,
            self.bytes_loaded as f64 / 1e6,
            self.budget_bytes as f64 / 1e6
        )?;
        if self.prefetches > 0 {
            write!(f, "; {} of {} loaded ahead were used", self.prefetches_used, self.prefetches)?;
        }
        if self.low_uses + self.skipped > 0 {
            write!(f, "; {} low copies used, {} experts left out", self.low_uses, self.skipped)?;
        }
        Ok(())
    }
}
