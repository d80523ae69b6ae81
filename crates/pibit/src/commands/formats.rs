//! `pibit formats`: the table of weight formats.

use crate::output;
use anyhow::Result;
use observability::{Cell, Column, Table};
use serde::Serialize;

#[derive(clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    format: &'static str,
    bits_per_weight: f64,
    block: usize,
    rows_of: usize,
    ggml_type: Option<u32>,
    can_encode: bool,
    summary: &'static str,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let rows: Vec<Row> = quant_core::entries().iter().map(row).collect();
    if args.json {
        return output::json(&rows);
    }
    let columns = [
        Column::text("format"),
        Column::number("bits/weight", 4),
        Column::number("block", 0),
        Column::number("rows of n ×", 0),
        Column::text("makes"),
        Column::text("what it is"),
    ];
    let mut table = Table::new("weight formats", columns);
    for row in &rows {
        let makes = if row.can_encode { "yes" } else { "reads" };
        let (block, multiple) = (row.block as f64, row.rows_of as f64);
        let cells: [Cell; 6] = [
            row.format.into(),
            row.bits_per_weight.into(),
            block.into(),
            multiple.into(),
            makes.into(),
            row.summary.into(),
        ];
        table.push(cells)?;
    }
    print!("{table}");
    Ok(())
}

fn row(entry: &quant_core::FormatEntry) -> Row {
    let format = entry.format();
    Row {
        format: format.id(),
        bits_per_weight: format.bits_per_weight(),
        block: format.block_len(),
        rows_of: format.row_multiple(),
        ggml_type: format.ggml_type(),
        can_encode: entry.can_encode(),
        summary: entry.summary(),
    }
}
