//! The comparison as an HTML page.

use super::{Args, Comparison, TensorFigures};
use crate::page;
use anyhow::Result;
use observability::report::{HeatMap, KeyFigures};
use std::path::Path;

pub(super) fn write(path: &Path, args: &Args, comparison: &Comparison) -> Result<()> {
    let mut page = page::new(format!("{} against {}", comparison.quantized, comparison.original));
    page.describe("SHA-256 of the original", args.original.sha256()?);
    page.describe("SHA-256 of the quantized model", args.quantized.sha256()?);
    page.push(in_short(comparison));
    page.push(errors(&comparison.tensors));
    page.push(super::table(comparison)?);
    Ok(page.write(path)?)
}

fn in_short(comparison: &Comparison) -> KeyFigures {
    let total = &comparison.total;
    let mut figures = KeyFigures::default();
    let weights = format!("per weight, {:.1} million weights", total.weights as f64 / 1e6);
    figures.push("Size", format!("{:.3} bits", total.bits_per_weight), weights);
    let distortion = format!("{:.2} dB", total.quality.spectral_distortion_db);
    figures.push("Spectral distortion", distortion, format!("cosine {:.5}", total.quality.cosine));
    let worst = |a: &&TensorFigures, b: &&TensorFigures| distortion_of(a).total_cmp(&distortion_of(b));
    if let Some(tensor) = comparison.tensors.iter().max_by(worst) {
        let value = format!("{:.2} dB", distortion_of(tensor));
        figures.push("Worst tensor", value, format!("{}, {}", tensor.name, tensor.format));
    }
    figures
}

fn distortion_of(tensor: &TensorFigures) -> f64 {
    tensor.figures.quality.spectral_distortion_db
}

/// Blocks against kinds of matrices; what lies outside of blocks is in the table alone.
fn errors(tensors: &[TensorFigures]) -> HeatMap {
    let places: Vec<(&str, &str, f64)> = tensors
        .iter()
        .filter_map(|t| {
            let (block, kind) = t.name.strip_prefix("blk.")?.split_once('.')?;
            Some((block, kind.strip_suffix(".weight").unwrap_or(kind), distortion_of(t)))
        })
        .collect();
    let (mut rows, mut columns): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for (block, kind, _) in &places {
        if !rows.contains(block) {
            rows.push(block);
        }
        if !columns.contains(kind) {
            columns.push(kind);
        }
    }
    let find = |row: &str, column: &str| places.iter().find(|p| p.0 == row && p.1 == column);
    let value = |row: &str, column: &str| find(row, column).map_or(f64::NAN, |place| place.2);
    HeatMap {
        title: "Error per matrix".into(),
        value_label: "spectral distortion (dB; lower is better)".into(),
        log: false,
        values: rows.iter().map(|row| columns.iter().map(|column| value(row, column)).collect()).collect(),
        rows: rows.iter().map(|row| format!("block {row}")).collect(),
        columns: columns.iter().map(ToString::to_string).collect(),
    }
}
