//! Expected time until the next use.

use super::{EvictionPolicy, Moment, least_by};
use crate::{ExpertCopy, ModelSize};

/// Evicts what will probably be wanted last.
///
/// An expert's affinity h is a moving average of whether it was used in a pass: h ← `decay`·h + (1 − `decay`)·used. Read
/// as the probability of being used in the next pass, it makes the expected wait: layers until the expert's turn, as a
/// share of a pass, plus (1 − h)/h passes. Bélády's rule with a guess in place of the future.
///
/// Affinity is the expert's, whichever copy is used; the low copy of two equals goes first.
#[derive(Debug, Clone)]
pub struct Affinity {
    size: ModelSize,
    decay: f64,
    /// Affinity and the pass it is of.
    values: Vec<(f64, u64)>,
}

/// Below this, an expert counts as never used: waits stay finite.
const LEAST: f64 = 1e-9;

impl Affinity {
    /// Passes over which affinity halves, as found best on recorded and synthetic traces (see the simulator).
    pub const DEFAULT_HALF_LIFE: f64 = 4.0;

    /// A policy for a model of this size, with affinities that halve in `half_life` passes without use.
    pub fn new(size: ModelSize, half_life: f64) -> Self {
        let decay = 0.5_f64.powf(1.0 / half_life.max(0.1));
        Self { size, decay, values: vec![(0.0, 0); size.layers() * size.experts()] }
    }

    /// The affinity of an expert in a pass, 0 to 1. Falls from pass to pass unless the expert is used.
    pub fn affinity(&self, copy: ExpertCopy, pass: u64) -> f64 {
        let (value, of) = self.values[copy.id.index(self.size.experts())];
        value * self.decay.powi(i32::try_from(pass.saturating_sub(of)).unwrap_or(i32::MAX))
    }

    fn wait(&self, copy: ExpertCopy, now: Moment) -> f64 {
        let h = self.affinity(copy, now.pass).clamp(LEAST, 1.0);
        let ahead = self.size.layers_ahead(now.layer, copy.id.layer);
        ahead as f64 / self.size.layers() as f64 + (1.0 - h) / h
    }
}

impl EvictionPolicy for Affinity {
    fn loaded(&mut self, _copy: ExpertCopy, _bytes: usize, _now: Moment) {}

    fn used(&mut self, copy: ExpertCopy, now: Moment) {
        let (_, of) = self.values[copy.id.index(self.size.experts())];
        let value = self.affinity(copy, now.pass);
        // Several tokens of one pass are one use.
        if value == 0.0 || of < now.pass {
            self.values[copy.id.index(self.size.experts())] = (value + 1.0 - self.decay, now.pass);
        }
    }

    fn victim(&mut self, candidates: &[ExpertCopy], now: Moment) -> usize {
        least_by(candidates, |copy| (-self.wait(copy, now), std::cmp::Reverse(copy.grade)))
    }
}
