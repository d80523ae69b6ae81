//! The study as tables: for a terminal, as Markdown, and in an HTML report.

use super::SourceFigures;
use super::gate::Gate;
use anyhow::Result;
use observability::{Cell, Column, Report, Table};
use serde::Serialize;

/// What came out.
#[derive(Serialize)]
pub(crate) struct StudyResult {
    pub(crate) model: String,
    pub(crate) sources: Vec<SourceFigures>,
    pub(crate) seconds: f64,
}

/// The tables for a terminal.
pub(crate) fn text(result: &StudyResult) -> Result<String> {
    let tables = tables(result)?;
    Ok(tables.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// The tables as Markdown.
pub(crate) fn markdown(result: &StudyResult) -> Result<String> {
    let tables = tables(result)?;
    Ok(tables.iter().map(Table::to_markdown).collect::<Vec<_>>().join("\n"))
}

/// A page with the tables.
pub(crate) fn html(result: &StudyResult) -> Result<Report> {
    let mut report = Report::new("What π is worth in a quantizer's step");
    report.describe("model", result.model.clone());
    report.describe("pibit", env!("CARGO_PKG_VERSION"));
    report.describe("command", format!("pibit study pi --model {}", result.model));
    for table in tables(result)? {
        report.push(table);
    }
    Ok(report)
}

/// A table per source, then the gate.
fn tables(result: &StudyResult) -> Result<Vec<Table>> {
    let mut tables = result.sources.iter().map(figures).collect::<Result<Vec<_>>>()?;
    tables.push(gate(result)?);
    Ok(tables)
}

fn figures(source: &SourceFigures) -> Result<Table> {
    let with_kld = source.rows.iter().any(|row| row.kld.is_some());
    let mut columns = vec![
        Column::text("quantizer"),
        Column::number("bits/weight", 3),
        Column::number("error/energy", 4),
        Column::number("cosine", 4),
        Column::number("distortion (dB)", 2),
        Column::number("outliers kept (%)", 0),
        Column::number("attention error (%)", 1),
    ];
    if with_kld {
        columns.push(Column::number("KLD (nats)", 3));
    }
    let caption = format!("{}, {} weights", source.source, source.weights);
    let mut table = Table::new(caption, columns);
    for row in &source.rows {
        let mut cells: Vec<Cell> = vec![
            row.quantizer.as_str().into(),
            row.bits_per_weight.into(),
            row.relative_error.into(),
            row.quality.cosine.into(),
            row.quality.spectral_distortion_db.into(),
            (row.quality.outlier_retention * 100.0).into(),
            row.attention_error.map(|error| error * 100.0).into(),
        ];
        if with_kld {
            cells.push(row.kld.into());
        }
        table.push(cells)?;
    }
    Ok(table)
}

fn gate(result: &StudyResult) -> Result<Table> {
    let columns = [
        Column::text("weights"),
        Column::text("quantizer"),
        Column::text("MSE ≤ 0.95×"),
        Column::text("0.5 dB less distortion"),
        Column::text("cosine ≥ 0.998"),
        Column::text("outliers ≥ 85%"),
        Column::text("gate G1"),
    ];
    let caption = "Gate G1: PiQ3 beats absmax Q3 on at least two of four";
    let mut table = Table::new(caption, columns);
    let yes = |met: bool| Cell::from(if met { "yes" } else { "no" });
    for source in &result.sources {
        for Gate { quantizer, mse, spectral_distortion, cosine, outliers, passes } in &source.gate_g1 {
            table.push([
                source.source.as_str().into(),
                quantizer.as_str().into(),
                yes(*mse),
                yes(*spectral_distortion),
                yes(*cosine),
                yes(*outliers),
                if *passes { "pass" } else { "fail" }.into(),
            ])?;
        }
    }
    Ok(table)
}
