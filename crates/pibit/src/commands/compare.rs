//! `pibit compare`: the weights of two models, tensor by tensor.

mod report;

use crate::context::Context;
use crate::frequent::SplitEmbedding;
use crate::model_ref::ModelRef;
use crate::output;
use crate::rotate::RotatedSource;
use anyhow::{Context as _, Result, bail};
use domain_types::{CodecSet, FrequentTokens, RotationSpec, TensorInfo, TensorQuality, TensorSource};
use observability::{Cell, Column, Table};
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = "\
Per tensor and over all: mean squared error, cosine, spectral distortion (dB) and outlier retention (share of the 1%
largest weights off by at most one step); definitions in docs/evaluation.md.

Examples:
  pibit compare smollm2 s3.gguf --json
  pibit compare smollm2 s3.gguf --report weights.html")]
pub struct Args {
    /// The original model
    original: ModelRef,
    /// Its quantized version
    quantized: ModelRef,
    /// Write the figures and a map of errors as an HTML page
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Comparison {
    original: String,
    quantized: String,
    /// Over all matrices whose format differs, as if they were one.
    total: Figures,
    tensors: Vec<TensorFigures>,
}

#[derive(Serialize)]
struct Figures {
    weights: usize,
    bits_per_weight: f64,
    #[serde(flatten)]
    quality: TensorQuality,
}

#[derive(Serialize)]
struct TensorFigures {
    name: String,
    format: &'static str,
    #[serde(flatten)]
    figures: Figures,
    #[serde(skip)]
    comparison: quant_core::Comparison,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let comparison = compare(context, args)?;
    if let Some(path) = &args.report {
        report::write(path, args, &comparison)?;
    }
    if args.json {
        return output::json(&comparison);
    }
    print!("{}", table(&comparison)?);
    Ok(())
}

fn compare(context: &Context, args: &Args) -> Result<Comparison> {
    let quantized = args.quantized.open(context)?;
    let original = in_basis_of(context, args.original.open(context)?, &*quantized)?;
    let bar = context.progress.bar("compare", quantized.tensors().len() as u64);
    let mut tensors = Vec::new();
    for info in quantized.tensors().iter().filter(|t| t.is_matrix()) {
        bar.set_message(info.name.clone());
        bar.inc(1);
        let Some(before) = original.info(&info.name) else {
            bail!("{} has no tensor {}; are these the same model?", args.original, info.name);
        };
        if before.shape != info.shape {
            bail!("{} is {} in one model and {} in the other", info.name, before.shape, info.shape);
        }
        if before.format != info.format {
            tensors.push(measure(context, &*original, &*quantized, info).with_context(|| info.name.clone())?);
        }
    }
    bar.finish_and_clear();
    let Some(total) = quant_core::Comparison::total(tensors.iter().map(|t| t.comparison)) else {
        bail!("no matrix has another format in {}: there is nothing to compare", args.quantized);
    };
    let weights = tensors.iter().map(|t| t.figures.weights).sum::<usize>();
    let bits: f64 = tensors.iter().map(|t| t.figures.bits_per_weight * t.figures.weights as f64).sum();
    let total = Figures { weights, bits_per_weight: bits / weights as f64, quality: total.quality() };
    Ok(Comparison {
        original: args.original.to_string(),
        quantized: args.quantized.to_string(),
        total,
        tensors,
    })
}

/// The original, split and rotated as the quantized model is.
fn in_basis_of<'a>(
    context: &'a Context,
    original: Box<dyn TensorSource + 'a>,
    quantized: &dyn TensorSource,
) -> Result<Box<dyn TensorSource + 'a>> {
    let vocab = original.spec()?.vocab_size;
    let original = match FrequentTokens::read(quantized.metadata(), vocab)? {
        Some(tokens) if original.metadata().get(FrequentTokens::KEY).is_none() => {
            Box::new(SplitEmbedding::new(original, tokens, &context.codecs)?)
        }
        _ => original,
    };
    match (RotationSpec::read(original.metadata())?, RotationSpec::read(quantized.metadata())?) {
        (before, after) if before == after => Ok(original),
        (None, Some(rotation)) => {
            Ok(Box::new(RotatedSource::new(original, rotation, &context.codecs, &*context.sink)?))
        }
        _ => bail!("the models are rotated in different ways: compare with the model before rotation"),
    }
}

fn measure(
    context: &Context,
    original: &dyn TensorSource,
    quantized: &dyn TensorSource,
    info: &TensorInfo,
) -> Result<TensorFigures> {
    let before = original.tensor(&info.name)?;
    let mut weights = vec![0.0; info.shape.elements()];
    context.codecs.require(before.format())?.decode(before.view(), &mut weights)?;
    let after = quantized.tensor(&info.name)?;
    let comparison = quant_core::compare(&weights, &after)?;
    let bits_per_weight = after.bits_per_weight();
    let figures = Figures { weights: weights.len(), bits_per_weight, quality: comparison.quality() };
    Ok(TensorFigures { name: info.name.clone(), format: info.format.id(), figures, comparison })
}

fn table(comparison: &Comparison) -> Result<Table> {
    let columns = [
        Column::text("tensor"),
        Column::text("format"),
        Column::number("bits/weight", 4),
        Column::number("MSE", 9),
        Column::number("cosine", 5),
        Column::number("distortion (dB)", 2),
        Column::number("outliers kept (%)", 1),
    ];
    let mut table = Table::new(format!("{} against {}", comparison.quantized, comparison.original), columns);
    for tensor in &comparison.tensors {
        table.push(cells(&tensor.name, tensor.format, &tensor.figures))?;
    }
    table.push(cells("all", "", &comparison.total))?;
    Ok(table)
}

fn cells(name: &str, format: &str, figures: &Figures) -> [Cell; 7] {
    let q = &figures.quality;
    [
        name.into(),
        format.into(),
        figures.bits_per_weight.into(),
        q.mse.into(),
        q.cosine.into(),
        q.spectral_distortion_db.into(),
        (q.outlier_retention * 100.0).into(),
    ]
}
