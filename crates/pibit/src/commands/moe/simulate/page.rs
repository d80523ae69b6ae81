//! The comparison as an HTML page.

use super::{Report, Row};
use crate::{output, page};
use anyhow::Result;
use observability::report::{Axis, KeyFigures, Scatter, Series};
use std::path::Path;

/// Points of each curve over time, at most.
const WINDOWS: usize = 40;

/// Writes figures, the table, hits over time, and what hits cost where a model was run.
pub(super) fn write(report: &Report, path: &Path) -> Result<()> {
    let mut page = page::new("Experts under a memory budget");
    page.describe("budget", output::bytes(report.budget_bytes));
    page.push(in_short(report));
    page.push(super::table(report)?);
    page.push(over_time(&report.policies));
    if report.policies.iter().any(|row| row.ppl_ratio.is_some()) {
        page.push(hits_against_perplexity(report));
    }
    Ok(page.write(path)?)
}

fn in_short(report: &Report) -> KeyFigures {
    let mut figures = KeyFigures::default();
    let share = |row: &Row| format!("{:.1}%", 100.0 * row.hit_rate);
    let named = |name: &str| report.policies.iter().find(|row| row.policy == name);
    for (name, label) in [("lru", "Hits with LRU"), ("memory-aware", "Hits with memory-aware routing")] {
        if let Some(row) = named(name) {
            figures.push(label, share(row), format!("{:.1} tokens/s", row.tokens_per_s));
        }
    }
    if let Some(row) = named("belady") {
        figures.push("Bound for unchanged routing", share(row), "Belady's oracle, which knows the future");
    }
    figures
}

/// Hits of windows of tokens.
fn over_time(rows: &[Row]) -> Scatter {
    let series = rows.iter().map(|row| {
        let mut series = Series::new(row.policy).joined();
        let size = row.token_hit_rates.len().div_ceil(WINDOWS).max(1);
        for (i, window) in row.token_hit_rates.chunks(size).enumerate() {
            let mean = window.iter().sum::<f64>() / window.len() as f64;
            series.push((i * size + window.len()) as f64, 100.0 * mean, "");
        }
        series
    });
    Scatter {
        title: "Hits over time".into(),
        x: Axis::linear("tokens"),
        y: Axis::linear("uses of experts in memory (%)"),
        series: series.collect(),
    }
}

fn hits_against_perplexity(report: &Report) -> Scatter {
    let mut all = Vec::new();
    for kept in [0, 1] {
        let mut series = Series::new(format!("memory-aware, J = {kept}")).joined();
        for p in report.sweep.iter().filter(|p| p.always_kept == kept) {
            series.push(100.0 * p.hit_rate, 100.0 * (p.ppl_ratio - 1.0), format!("λ = {}", p.lambda));
        }
        all.push(series);
    }
    let mut standard = Series::new("policies");
    for row in &report.policies {
        let Some(ratio) = row.ppl_ratio else { continue };
        standard.push(100.0 * row.hit_rate, 100.0 * (ratio - 1.0), row.policy);
    }
    all.push(standard);
    all.retain(|series| !series.points.is_empty());
    Scatter {
        title: "Hits against perplexity".into(),
        x: Axis::linear("uses of experts in memory (%)"),
        y: Axis::linear("rise of perplexity (%)"),
        series: all,
    }
}
