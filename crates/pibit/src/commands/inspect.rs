//! `pibit inspect`: what a model is made of.

use crate::context::Context;
use crate::model_ref::ModelRef;
use crate::output;
use crate::runnable::Runnable;
use anyhow::Result;
use domain_types::{MetaArray, MetaValue, ModelSpec, RotationSpec, TensorInfo, TensorSource};
use observability::{Cell, Column, Table};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(clap::Args)]
pub struct Args {
    /// GGUF file, Hugging Face folder, `tiny` or `smollm2`
    model: ModelRef,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// List every tensor
    #[arg(long)]
    tensors: bool,
}

#[derive(Serialize)]
struct Inspection {
    model: String,
    bytes: u64,
    weights: usize,
    bits_per_weight: f64,
    spec: Option<ModelSpec>,
    spec_error: Option<String>,
    runnable: Runnable,
    metadata: BTreeMap<String, serde_json::Value>,
    formats: BTreeMap<&'static str, FormatShare>,
    tensors: Vec<TensorRow>,
}

#[derive(Serialize, Default)]
struct FormatShare {
    tensors: usize,
    bytes: usize,
}

#[derive(Serialize)]
struct TensorRow {
    name: String,
    format: &'static str,
    shape: Vec<usize>,
    bytes: usize,
    bits_per_weight: f64,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let source = args.model.open(context)?;
    let inspection = inspect(context, &args.model, &*source)?;
    if args.json {
        return output::json(&inspection);
    }
    show(&inspection, args.tensors)
}

fn inspect(context: &Context, model: &ModelRef, source: &dyn TensorSource) -> Result<Inspection> {
    let tensors: Vec<_> = source.tensors().iter().map(tensor_row).collect::<Result<_>>()?;
    let mut formats = BTreeMap::<_, FormatShare>::new();
    for tensor in &tensors {
        let share = formats.entry(tensor.format).or_default();
        share.tensors += 1;
        share.bytes += tensor.bytes;
    }
    let weights = source.tensors().iter().map(|t| t.shape.elements()).sum();
    let bytes = model.size(source)?;
    let spec = source.spec();
    Ok(Inspection {
        model: model.to_string(),
        bytes,
        weights,
        bits_per_weight: bytes as f64 * 8.0 / weights as f64,
        spec_error: spec.as_ref().err().map(ToString::to_string),
        spec: spec.ok(),
        runnable: Runnable::of(context, source),
        metadata: source.metadata().iter().map(|(k, v)| (k.to_owned(), brief(v))).collect(),
        formats,
        tensors,
    })
}

fn tensor_row(info: &TensorInfo) -> Result<TensorRow> {
    let bytes = info.format.byte_len(&info.shape)?;
    Ok(TensorRow {
        name: info.name.clone(),
        format: info.format.id(),
        shape: info.shape.dims().to_vec(),
        bytes,
        bits_per_weight: bytes as f64 * 8.0 / info.shape.elements() as f64,
    })
}

/// Long arrays by their length only: a vocabulary is no reading matter.
fn brief(value: &MetaValue) -> serde_json::Value {
    const LONGEST: usize = 8;
    let summary = |kind: &str, n: usize| serde_json::Value::String(format!("[{n} × {kind}]"));
    match value {
        MetaValue::Array(MetaArray::String(v)) if v.len() > LONGEST => summary("string", v.len()),
        MetaValue::Array(MetaArray::F32(v)) if v.len() > LONGEST => summary("f32", v.len()),
        MetaValue::Array(MetaArray::I32(v)) if v.len() > LONGEST => summary("i32", v.len()),
        MetaValue::Array(MetaArray::U32(v)) if v.len() > LONGEST => summary("u32", v.len()),
        other => serde_json::to_value(other).unwrap_or(serde_json::Value::Null),
    }
}

fn show(inspection: &Inspection, all: bool) -> Result<()> {
    println!(
        "{}: {}, {:.1} M weights, {:.3} bits per weight",
        inspection.model,
        output::bytes(inspection.bytes),
        inspection.weights as f64 / 1e6,
        inspection.bits_per_weight
    );
    if let Some(rotation) = inspection.spec.as_ref().and_then(|s| s.rotation) {
        println!("rotated: {}; seed {}", rotated_parts(rotation), rotation.seed);
    }
    if let Some(reason) = &inspection.runnable.reason {
        println!("not runnable: {reason}");
    }
    let mut table = Table::new("metadata", [Column::text("key"), Column::text("value")]);
    for (key, value) in &inspection.metadata {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        table.push([Cell::from(key.as_str()), shorten(&text).into()])?;
    }
    println!("\n{table}");
    let columns = [Column::text("format"), Column::number("tensors", 0), Column::number("bytes", 0)];
    let mut table = Table::new("formats", columns);
    for (format, share) in &inspection.formats {
        table.push([Cell::from(*format), (share.tensors as f64).into(), (share.bytes as f64).into()])?;
    }
    println!("{table}");
    if all {
        println!("{}", tensor_table(inspection)?);
    }
    Ok(())
}

fn rotated_parts(rotation: RotationSpec) -> String {
    let RotationSpec { residual, inputs, ends, heads, feed_forward, .. } = rotation;
    let parts = [
        (residual, "residual stream"),
        (inputs, "inputs behind norms"),
        (ends, "embedding and head"),
        (heads, "value heads"),
        (feed_forward, "feed-forward inputs"),
    ];
    parts.iter().filter(|(is, _)| *is).map(|(_, part)| *part).collect::<Vec<_>>().join(", ")
}

fn tensor_table(inspection: &Inspection) -> Result<Table> {
    let columns = [
        Column::text("tensor"),
        Column::text("format"),
        Column::text("shape"),
        Column::number("bits/weight", 4),
    ];
    let mut table = Table::new("tensors", columns);
    for t in &inspection.tensors {
        let shape = t.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("×");
        table.push([Cell::from(t.name.as_str()), t.format.into(), shape.into(), t.bits_per_weight.into()])?;
    }
    Ok(table)
}

fn shorten(text: &str) -> String {
    const WIDTH: usize = 88;
    let line: String = text.chars().take(WIDTH).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() > WIDTH { format!("{line}…") } else { line }
}
