//! The evaluation as an HTML page.

use super::{Args, Evaluation};
use crate::evaluation::ChunkPoint;
use crate::{output, page};
use anyhow::Result;
use inference::EvalReport;
use observability::report::{Axis, KeyFigures, Scatter, Series};
use observability::{Cell, Column, Table};
use std::path::Path;

pub(super) fn write(path: &Path, args: &Args, evaluation: &Evaluation) -> Result<()> {
    let title = match &args.reference {
        Some(reference) => format!("{} against {reference}", evaluation.model),
        None => evaluation.model.clone(),
    };
    let mut page = page::new(format!("Evaluation of {title}"));
    page.describe("SHA-256 of the model", args.model.sha256()?);
    if let Some(reference) = &args.reference {
        page.describe("SHA-256 of the reference", reference.sha256()?);
    }
    page.describe("protocol", format!("chunks of {} tokens, second halves scored", args.ctx));
    page.push(in_short(evaluation));
    let points = &evaluation.by_chunk;
    if !points.is_empty() {
        page.push(perplexities(evaluation));
        if points.iter().any(|point| point.top1.is_some()) {
            page.push(shares("Same top-1 by chunk", "share", points, &[("same top-1", |p| p.top1)]));
        }
        page.push(shares(
            "Activations by chunk",
            "share",
            points,
            &[
                ("outliers among inputs", |p| p.shares.map(|s| s.outliers)),
                ("outputs beyond F16", |p| p.shares.map(|s| s.saturation)),
            ],
        ));
    }
    if !evaluation.drifts.is_empty() {
        page.push(alarms(evaluation)?);
    }
    if !evaluation.task_details.is_empty() {
        page.push(tasks(evaluation)?);
    }
    Ok(page.write(path)?)
}

fn in_short(evaluation: &Evaluation) -> KeyFigures {
    let mut figures = KeyFigures::default();
    if let Some(text) = &evaluation.text {
        let note = format!("± {:.3}, over {} tokens", text.ppl_err, text.tokens);
        figures.push("Perplexity", format!("{:.3}", text.ppl), note);
        divergence(text, &mut figures);
    }
    for task in &evaluation.task_details {
        let [low, high] = task.interval.map(|share| share * 100.0);
        let note = format!("exact answers; 95% interval {low:.0}–{high:.0}%");
        figures.push(task.domain, format!("{:.0}%", task.accuracy * 100.0), note);
    }
    let note = format!("{} activations, {} key–value cache", evaluation.activations, evaluation.kv);
    figures.push("File", output::bytes(evaluation.bytes), note);
    figures
}

fn divergence(text: &EvalReport, figures: &mut KeyFigures) {
    if let (Some(mean), Some(p99), Some(top1)) = (text.kld_mean, text.kld_p99, text.top1) {
        let note = format!("nats, mean; 99th percentile {p99:.3}");
        figures.push("Divergence", format!("{mean:.4}"), note);
        figures.push("Same top-1", format!("{:.1}%", top1 * 100.0), "of positions");
    }
}

/// Perplexity of each chunk, a series for each version of the model, and over the chunks so far.
fn perplexities(evaluation: &Evaluation) -> Scatter {
    let points = &evaluation.by_chunk;
    let last = points.iter().map(|point| point.rung).max().unwrap_or(0);
    let mut all: Vec<Series> = (0..=last)
        .map(|rung| {
            let version = evaluation.precision.get(rung).map_or("each chunk", |used| &used.rung.model);
            let mut series = Series::new(version);
            let of_rung = points.iter().filter(|point| point.rung == rung);
            of_rung.for_each(|point| series.push(point.chunk as f64, point.ppl, ""));
            series
        })
        .collect();
    let mut so_far = Series::new("all chunks so far").joined();
    let mut nll = 0.0;
    for point in points {
        nll += point.ppl.ln();
        so_far.push(point.chunk as f64, (nll / point.chunk as f64).exp(), "");
    }
    all.push(so_far);
    let (x, y) = (Axis::linear("chunk"), Axis::log("perplexity"));
    Scatter { title: "Perplexity by chunk".into(), x, y, series: all }
}

type Figure = fn(&ChunkPoint) -> Option<f64>;

fn shares(title: &str, axis: &str, points: &[ChunkPoint], figures: &[(&str, Figure)]) -> Scatter {
    let series = figures.iter().map(|(name, figure)| {
        let mut series = Series::new(*name).joined();
        for point in points {
            if let Some(value) = figure(point) {
                series.push(point.chunk as f64, value, "");
            }
        }
        series
    });
    let series = series.collect();
    Scatter { title: title.into(), x: Axis::linear("chunk"), y: Axis::linear(axis), series }
}

fn alarms(evaluation: &Evaluation) -> Result<Table> {
    let columns = [
        Column::text("measure"),
        Column::number("value", 4),
        Column::number("limit", 4),
        Column::text("more bits"),
    ];
    let mut table = Table::new("Alarms", columns);
    for drift in &evaluation.drifts {
        let raised = if drift.raised { "yes" } else { "no" };
        table.push([drift.measure.name().into(), drift.value.into(), drift.limit.into(), raised.into()])?;
    }
    Ok(table)
}

fn tasks(evaluation: &Evaluation) -> Result<Table> {
    let columns = [
        Column::text("task"),
        Column::number("exact (%)", 1),
        Column::number("right steps (%)", 1),
        Column::number("problems", 0),
    ];
    let mut table = Table::new("Tasks", columns);
    for task in &evaluation.task_details {
        let cells: [Cell; 4] = [
            task.domain.into(),
            (task.accuracy * 100.0).into(),
            (task.step_accuracy * 100.0).into(),
            (task.problems as f64).into(),
        ];
        table.push(cells)?;
    }
    Ok(table)
}
