//! Training curves as an HTML page.

use super::QatReport;
use crate::{output, page};
use anyhow::Result;
use observability::report::{Axis, KeyFigures, Scatter, Series};
use qat_training::QatPoint;
use std::path::Path;

/// Writes the losses and the learning rate of a run over its steps.
pub(super) fn write(path: &Path, report: &QatReport, curve: &[QatPoint]) -> Result<()> {
    let mut page = page::new("Quantization-aware training");
    page.describe("file", format!("{}, {}", report.output, output::bytes(report.bytes)));
    page.describe("steps", report.steps.to_string());
    page.describe("seconds", format!("{:.0}", report.seconds));
    page.describe("settings", toml::to_string(&report.config)?);
    if let Some(sha256) = &report.teacher_sha256 {
        page.describe("SHA-256 of the teacher's weights", sha256);
    }
    let mut figures = KeyFigures::default();
    if let (Some(first), Some(last)) = (curve.first(), curve.last()) {
        let note = format!("nats per token in the last step; {:.4} in the first", first.loss);
        figures.push("Loss", format!("{:.4}", last.loss), note);
    }
    figures.push("Steps", report.steps.to_string(), format!("in {:.0} s", report.seconds));
    figures.push("File", output::bytes(report.bytes), &*report.output);
    page.push(figures);
    let series = |name: &str, figure: fn(&QatPoint) -> f64| {
        let mut series = Series::new(name).joined();
        for point in curve {
            series.push(point.step as f64, figure(point), "");
        }
        series
    };
    let mut losses = vec![
        series("weighed sum", |point| point.loss),
        series("cross-entropy", |point| point.parts.cross_entropy),
        series("divergence from the teacher", |point| point.parts.distillation),
        series("the same in steps of reasoning", |point| point.parts.reasoning),
    ];
    if curve.iter().any(|point| point.parts.routing > 0.0) {
        losses.push(series("routing of experts", |point| point.parts.routing));
    }
    page.push(Scatter {
        title: "Losses".into(),
        x: Axis::linear("step"),
        y: Axis::log("nats per token"),
        series: losses,
    });
    page.push(Scatter {
        title: "Learning rate of weights".into(),
        x: Axis::linear("step"),
        y: Axis::linear("learning rate"),
        series: vec![series("learning rate", |point| point.learning_rate)],
    });
    Ok(page.write(path)?)
}
