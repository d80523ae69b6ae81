//! Training curves as an HTML page.

use super::QatReport;
use crate::output;
use anyhow::Result;
use observability::Report as Page;
use observability::report::{Axis, Scatter, Series};
use qat_training::QatPoint;
use std::path::Path;

/// Writes the losses and the learning rate of a run over its steps.
pub(super) fn write(path: &Path, report: &QatReport, curve: &[QatPoint]) -> Result<()> {
    let mut page = Page::new("Quantization-aware training");
    page.describe("pibit", env!("CARGO_PKG_VERSION"));
    page.describe("file", format!("{}, {}", report.output, output::bytes(report.bytes)));
    page.describe("steps", report.steps.to_string());
    page.describe("seconds", format!("{:.0}", report.seconds));
    page.describe("settings", toml::to_string(&report.config)?);
    if let Some(sha256) = &report.teacher_sha256 {
        page.describe("SHA-256 of the teacher's weights", sha256);
    }
    let series = |name: &str, figure: fn(&QatPoint) -> f64| {
        let mut series = Series::new(name).joined();
        for point in curve {
            series.push(point.step as f64, figure(point), "");
        }
        series
    };
    page.push(Scatter {
        title: "Losses".into(),
        x: Axis::linear("step"),
        y: Axis::log("nats per token"),
        series: vec![
            series("weighed sum", |point| point.loss),
            series("cross-entropy", |point| point.parts.cross_entropy),
            series("divergence from the teacher", |point| point.parts.distillation),
            series("the same in steps of reasoning", |point| point.parts.reasoning),
        ],
    });
    page.push(Scatter {
        title: "Learning rate of weights".into(),
        x: Axis::linear("step"),
        y: Axis::linear("learning rate"),
        series: vec![series("learning rate", |point| point.learning_rate)],
    });
    Ok(page.write(path)?)
}
