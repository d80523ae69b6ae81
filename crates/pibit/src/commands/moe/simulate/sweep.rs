//! How λ and J trade hits for perplexity.

use super::{Report, Row};
use crate::commands::moe::subject::Subject;
use anyhow::Result;
use moe_routing::simulate::{Contender, StorageModel};
use observability::report::{Axis, Report as Page, Scatter, Series};
use serde::Serialize;
use std::path::Path;

const LAMBDAS: [f32; 6] = [0.1, 0.2, 0.3, 0.5, 0.7, 1.0];

/// Memory-aware routing with one λ and J.
#[derive(Serialize)]
pub(super) struct SweepPoint {
    lambda: f32,
    always_kept: usize,
    hit_rate: f64,
    ppl_ratio: f64,
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

/// Writes a page with a plot of the sweep and of the policies.
pub(super) fn write_page(report: &Report, title: &str, path: &Path) -> Result<()> {
    let mut page = Page::new(title);
    page.push(super::table(report)?);
    let mut all: Vec<Series> = [0, 1].map(|j| Series::new(format!("memory-aware, J = {j}")).joined()).into();
    for p in &report.sweep {
        let (x, y) = (100.0 * p.hit_rate, 100.0 * (p.ppl_ratio - 1.0));
        all[p.always_kept].push(x, y, format!("λ = {}", p.lambda));
    }
    let mut standard = Series::new("policies with the model's routing");
    for row in report.policies.iter().filter(|row| row.policy != "memory-aware") {
        standard.push(100.0 * row.hit_rate, 100.0 * (row.ppl_ratio.unwrap_or(1.0) - 1.0), row.policy);
    }
    all.push(standard);
    page.push(Scatter {
        title: "Hits against perplexity".into(),
        x: Axis::linear("uses of experts in memory (%)"),
        y: Axis::linear("rise of perplexity (%)"),
        series: all,
    });
    Ok(page.write(path)?)
}
