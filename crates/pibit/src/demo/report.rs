//! The demo's table and HTML report.

use super::{Demo, Row, SAMPLE_FORMAT, histogram, llama_cpp};
use crate::model_ref::ModelRef;
use crate::{output, page};
use anyhow::Result;
use domain_types::TensorSource;
use observability::report::{Axis, HeatMap, KeyFigures, Sample, Scatter, Section, Series};
use observability::{Cell, Column, Report, Table};
use std::collections::BTreeSet;

/// What the 3-bit model wrote.
pub(super) struct SampleText {
    pub(super) prompt: String,
    pub(super) continuation: String,
}

/// Domains that any row has, in a fixed order.
fn domains(rows: &[Row]) -> Vec<&'static str> {
    rows.iter().flat_map(|r| r.tasks.keys().copied()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// A row per format.
pub(super) fn table(model: &ModelRef, rows: &[Row]) -> Result<Table> {
    let domains = domains(rows);
    let mut columns = vec![
        Column::text("format"),
        Column::number("size (MB)", 2),
        Column::number("bits/weight", 3),
        Column::number("error/energy", 4),
        Column::number("perplexity", 3).lowest_is_best(),
        Column::number("KLD (nats)", 4).lowest_is_best(),
        Column::number("same top-1 (%)", 1).highest_is_best(),
    ];
    columns.extend(domains.iter().map(|d| Column::number(format!("{d} (%)"), 0).highest_is_best()));
    columns.extend([Column::number("prefill (tok/s)", 0), Column::number("decode (tok/s)", 0)]);
    let mut table = Table::new(format!("{model}, every format"), columns);
    for row in rows {
        let mut cells: Vec<Cell> = vec![
            row.format.as_str().into(),
            (row.bytes as f64 / 1e6).into(),
            row.bits_per_weight.into(),
            row.relative_error.into(),
            row.ppl.into(),
            row.kld_mean.into(),
            row.top1.map(|t| t * 100.0).into(),
        ];
        cells.extend(domains.iter().map(|d| Cell::from(row.tasks.get(d).map(|a| a * 100.0))));
        cells.extend([row.prefill_tps.into(), row.decode_tps.into()]);
        if row.kld_mean.is_none() { table.push_reference(cells)? } else { table.push(cells)? }
    }
    Ok(table)
}

/// The whole report.
pub(super) fn build(
    demo: &Demo<'_>,
    source: &dyn TensorSource,
    rows: &[Row],
    table: &Table,
    sample: &SampleText,
) -> Result<Report> {
    let mut report = page::new(format!("pibit: {} in every format", demo.model));
    report.describe("model", demo.model.to_string());
    report.describe("model SHA-256", demo.model.sha256()?);
    let text = demo.text.map_or("held-out text of the built-in corpus".into(), |t| t.display().to_string());
    report.describe("text", format!("{text}, {} chunks of {} tokens", demo.chunks, demo.ctx));
    report.push(in_short(rows));
    report.push(Section::Paragraph(
        "All linear layers are rounded to nearest in the format named, with the step of least squared error and no \
         calibration data; the embedding is q8_0 in every file. KL divergence is measured against the model as it \
         is. Speeds are those of this machine at this moment."
            .into(),
    ));
    report.push(table.clone());
    report.push(size_against_quality(rows, llama_cpp::points(demo)?));
    report.push(errors(rows));
    report.push(histogram::weights(demo.context, source)?);
    report.push(Sample {
        title: format!("{SAMPLE_FORMAT}, greedy"),
        prompt: sample.prompt.clone(),
        continuation: sample.continuation.clone(),
    });
    Ok(report)
}

/// How small the model gets for how much perplexity.
fn in_short(rows: &[Row]) -> KeyFigures {
    let mut figures = KeyFigures::default();
    let Some((reference, quantized)) = rows.split_first() else { return figures };
    let rise = |row: &Row| 100.0 * (row.ppl / reference.ppl - 1.0);
    let times = |row: &Row| reference.bytes as f64 / row.bytes as f64;
    for percent in [1.0, 5.0] {
        let good = quantized.iter().filter(|row| rise(row) <= percent).min_by_key(|row| row.bytes);
        let label = format!("Smallest within {percent}% of the perplexity");
        match good {
            Some(row) => figures.push(
                label,
                format!("{}, {}", row.format, output::bytes(row.bytes)),
                format!("{:.1} times smaller, perplexity {:+.2}%", times(row), rise(row)),
            ),
            None => figures.push(label, "none", ""),
        }
    }
    if let Some(row) = quantized.iter().min_by_key(|row| row.bytes) {
        figures.push(
            "Smallest of all",
            format!("{}, {}", row.format, output::bytes(row.bytes)),
            format!("{:.1} times smaller, perplexity {:+.2}%", times(row), rise(row)),
        );
    }
    figures
}

fn size_against_quality(rows: &[Row], llama_cpp: Option<Series>) -> Scatter {
    let (mut ours, mut peers) = (Series::new("pibit"), Series::new("ggml's formats, by pibit"));
    for row in rows {
        let Some(kld) = row.kld_mean else { continue };
        let is_ggml = super::PEERS.contains(&row.format.as_str());
        let series = if is_ggml { &mut peers } else { &mut ours };
        series.push(row.bytes as f64 / 1e6, kld, &row.format);
    }
    let mut plot = Scatter {
        title: "Size against quality".into(),
        x: Axis::linear("file size (MB)"),
        y: Axis::log("mean KL divergence (nats)"),
        series: [ours, peers].into_iter().chain(llama_cpp).collect(),
    };
    plot.push_front("best for their size (Pareto front)");
    plot
}

/// Error of each linear layer in each format.
fn errors(rows: &[Row]) -> HeatMap {
    let quantized: Vec<&Row> = rows.iter().filter(|r| !r.tensors.is_empty()).collect();
    let is_linear = |name: &str| name.starts_with("blk.");
    let names: Vec<String> = quantized.first().map_or_else(Vec::new, |row| {
        row.tensors
            .iter()
            .filter(|t| is_linear(&t.name) && t.quality.is_some())
            .map(|t| t.name.clone())
            .collect()
    });
    let distortion = |row: &Row, name: &str| {
        let quality = row.tensors.iter().find(|t| t.name == name).and_then(|t| t.quality);
        quality.map_or(f64::NAN, |q| q.spectral_distortion_db)
    };
    HeatMap {
        title: "Error per layer".into(),
        value_label: "spectral distortion (dB; lower is better)".into(),
        log: false,
        columns: quantized.iter().map(|r| r.format.clone()).collect(),
        values: names.iter().map(|n| quantized.iter().map(|r| distortion(r, n)).collect()).collect(),
        rows: names,
    }
}
