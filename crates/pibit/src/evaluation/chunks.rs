//! An evaluation, chunk by chunk.

use super::ladder::Ladder;
use inference::EvalProgress;
use observability::{
    ActivationCounts, ActivationShares, ActivationWatch, Drift, Observation, QualityMonitor,
};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A chunk's own figures.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ChunkPoint {
    /// From 1.
    pub(crate) chunk: usize,
    pub(crate) ppl: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) top1: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "activations")]
    pub(crate) shares: Option<ActivationShares>,
    /// Which rung of the ladder computed it.
    #[serde(skip)]
    pub(crate) rung: usize,
}

/// Tells a monitor of every chunk, and remembers its figures.
pub(crate) struct ChunkWatch {
    monitor: QualityMonitor,
    watches: Vec<ActivationWatch>,
    seen: ActivationCounts,
    rung: Arc<AtomicUsize>,
    pub(crate) points: Vec<ChunkPoint>,
}

impl ChunkWatch {
    pub(crate) fn new(monitor: QualityMonitor, ladder: &Ladder) -> Self {
        let monitor = monitor.with_control(Box::new(ladder.control()));
        let seen = ActivationCounts::default();
        Self { monitor, watches: ladder.watches(), seen, rung: ladder.asked(), points: Vec::new() }
    }

    pub(crate) fn see(&mut self, progress: &EvalProgress) {
        let counts = self.counts();
        let shares = counts.since(self.seen).shares();
        self.seen = counts;
        // Before the monitor may ask for another.
        let rung = self.rung.load(Ordering::Relaxed);
        let (nll, agreement) = (progress.chunk_nll, progress.chunk_top1);
        self.points.push(ChunkPoint { chunk: progress.chunk, ppl: nll.exp(), top1: agreement, shares, rung });
        self.monitor.observe(&Observation { nll, agreement, activations: shares });
    }

    /// Over all chunks.
    pub(crate) fn shares(&self) -> Option<ActivationShares> {
        self.seen.shares()
    }

    pub(crate) fn drifts(&self) -> &[Drift] {
        self.monitor.drifts()
    }

    fn counts(&self) -> ActivationCounts {
        self.watches
            .iter()
            .map(ActivationWatch::counts)
            .fold(ActivationCounts::default(), ActivationCounts::plus)
    }
}
