//! Expected time until the next use.

use super::{EvictionPolicy, Moment, least_by};
use crate::{ExpertCopy, ModelSize};
use std::cmp::Reverse;

/// Evicts what will probably be wanted last: Bélády's rule with a guess in place of the future.
///
/// An expert's affinity h is a moving average of whether a pass used it, h ← `decay`·h + (1 − `decay`)·used: the mean of
/// a short-lived one, which follows the text, and a long-lived one, which knows the model. Read as the probability that a
/// pass uses the expert, it makes the expected wait: layers until its turn, as a share of a pass, plus (1 − h)/h passes.
///
/// Affinity is the expert's, whichever copy is used; of two copies the low one goes first.
#[derive(Debug, Clone)]
pub struct Affinity {
    size: ModelSize,
    /// Short and long.
    decays: [f64; 2],
    experts: Vec<Track>,
}

/// Averages at the end of the last pass that used an expert.
#[derive(Debug, Clone, Copy)]
struct Track {
    averages: [f64; 2],
    pass: Option<u64>,
}

/// Affinities stay above this, so that waits stay finite.
const LEAST: f64 = 1e-9;

impl Affinity {
    /// Passes without use in which the averages halve: a few tokens, and a page of text.
    pub const DEFAULT_HALF_LIVES: [f64; 2] = [4.0, 256.0];

    /// A policy for a model of this size, whose averages halve in so many passes without use.
    pub fn new(size: ModelSize, half_lives: [f64; 2]) -> Self {
        let decays = half_lives.map(|half_life| 0.5_f64.powf(1.0 / half_life.max(0.1)));
        let even = 1.0 / size.experts().max(1) as f64;
        let experts = vec![Track { averages: [0.0, even], pass: None }; size.layers() * size.experts()];
        Self { size, decays, experts }
    }

    /// The affinity of an expert in a pass, 0 to 1. Falls from pass to pass unless the expert is used.
    pub fn affinity(&self, copy: ExpertCopy, pass: u64) -> f64 {
        let [short, long] = self.averages(copy, pass);
        f64::midpoint(short, long)
    }

    fn averages(&self, copy: ExpertCopy, pass: u64) -> [f64; 2] {
        let Track { averages, pass: last } = self.experts[copy.id.index(self.size.experts())];
        let idle = i32::try_from(pass.saturating_sub(last.unwrap_or(0))).unwrap_or(i32::MAX);
        [0, 1].map(|i: usize| averages[i] * self.decays[i].powi(idle))
    }

    /// Expected passes until the next use.
    fn wait(&self, copy: ExpertCopy, now: Moment) -> f64 {
        let h = self.affinity(copy, now.pass).clamp(LEAST, 1.0);
        let ahead = self.size.layers_ahead(now.layer, copy.id.layer) as f64;
        ahead / self.size.layers() as f64 + (1.0 - h) / h
    }
}

impl EvictionPolicy for Affinity {
    fn loaded(&mut self, _copy: ExpertCopy, _bytes: usize, _now: Moment) {}

    fn used(&mut self, copy: ExpertCopy, now: Moment) {
        let index = copy.id.index(self.size.experts());
        // Several tokens of one pass are one use.
        if self.experts[index].pass != Some(now.pass) {
            let before = self.averages(copy, now.pass);
            let averages = [0, 1].map(|i: usize| before[i] + 1.0 - self.decays[i]);
            self.experts[index] = Track { averages, pass: Some(now.pass) };
        }
    }

    fn victim(&mut self, candidates: &[ExpertCopy], now: Moment) -> usize {
        least_by(candidates, |copy| (-self.wait(copy, now), Reverse(copy.grade)))
    }
}
