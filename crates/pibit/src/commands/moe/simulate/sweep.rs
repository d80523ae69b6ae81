//! How λ and J trade hits for perplexity.

use super::Row;
use crate::commands::moe::subject::Subject;
use anyhow::Result;
use moe_routing::simulate::{Contender, StorageModel};
use serde::Serialize;

const LAMBDAS: [f32; 6] = [0.1, 0.2, 0.3, 0.5, 0.7, 1.0];

/// Memory-aware routing with one λ and J.
#[derive(Serialize)]
pub(super) struct SweepPoint {
    pub(super) lambda: f32,
    pub(super) always_kept: usize,
    pub(super) hit_rate: f64,
    pub(super) ppl_ratio: f64,
    kld_mean: f64,
    tokens_per_s: f64,
}

/// Every λ with J of 0 and 1.
pub(super) fn sweep(subject: &Subject<'_>, budget: u64, storage: &StorageModel) -> Result<Vec<SweepPoint>> {
    let points = [0, 1].into_iter().flat_map(|j| LAMBDAS.map(|lambda| (lambda, j)));
    let measure = |(lambda, always_kept): (f32, usize)| {
        let options = [lambda, always_kept as f32];
        let found = subject.measure(Contender::MemoryAware, budget, options, storage)?;
        let row = Row::measured("memory-aware", &found);
        Ok(SweepPoint {
            lambda,
            always_kept,
            hit_rate: found.hit_rate,
            ppl_ratio: found.ppl_ratio,
            kld_mean: found.kld_mean,
            tokens_per_s: row.tokens_per_s,
        })
    };
    points.map(measure).collect()
}
