//! `pibit merge`: an adapter into the matrices that it adds to.

use crate::adapter::{AdapterFile, MergedSource};
use crate::context::Context;
use crate::model_ref::ModelRef;
use crate::output;
use crate::quantize::{
    KeepRule, Plan, PlanOptions, QuantizeReport, RoundedTensors, Rounding, quantize_model,
};
use anyhow::Result;
use domain_types::TensorSource;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = "\
Decodes the model, adds the adapter, and rounds every matrix to the nearest of FORMAT. For fewer than 4 bits that is
seldom good enough: merge to f16 and quantize that with a calibration. Rotations are undone.

Examples:
  pibit merge s2.gguf --lora adapter.gguf -o merged.gguf
  pibit calibrate merged.gguf --text wikitext2.txt --samples 48 -o c.gguf
  pibit quantize merged.gguf --budget 46MB --calib c.gguf -o s2-merged.gguf
  pibit merge tiny-piq2.gguf --lora adapter.gguf -f piq3 -o tiny-piq3.gguf")]
pub struct Args {
    /// The model that the adapter was trained over
    model: ModelRef,
    /// What `pibit qat --lora` wrote
    #[arg(long, value_name = "ADAPTER")]
    lora: PathBuf,
    /// Format of the linear layers; `pibit formats` lists them
    #[arg(short, long, default_value = "f16")]
    format: String,
    /// Format of the embedding [default: q4_0 where FORMAT has fewer than 4.5 bits, else FORMAT]
    #[arg(long, value_name = "FORMAT")]
    embed: Option<String>,
    /// Another format for tensors whose name matches (`*` and `?`). The first match counts
    #[arg(long, value_name = "PATTERN=FORMAT")]
    keep: Vec<KeepRule>,
    /// File to write
    #[arg(short, long)]
    output: PathBuf,
    /// Give weights beyond a format's range its largest number instead of failing
    #[arg(long)]
    saturate: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let report = merge(context, args)?;
    if args.json {
        return output::json(&report);
    }
    println!("{}: {} in {:.1} s", report.output, output::bytes(report.bytes), report.seconds);
    Ok(())
}

/// Merges and rounds.
pub(crate) fn merge(context: &Context, args: &Args) -> Result<QuantizeReport> {
    let adapter = AdapterFile::of_model(context, &args.lora, &args.model)?;
    let base = args.model.open(context)?;
    let merged = MergedSource::new(&*base, &context.codecs, &adapter)?;
    let options = PlanOptions {
        format: args.format.clone(),
        embed: args.embed.clone(),
        keep: args.keep.clone(),
        ..PlanOptions::default()
    };
    options.refuse_without_effect(merged.tensors())?;
    let plan = Plan::make(merged.tensors(), &options, &context.catalogue)?;
    // What the file is made from: both.
    let sources = [args.model.sha256()?, model_store::sha256_file(&args.lora)?].join(" ");
    let sha256 = model_store::sha256_bytes(sources.as_bytes());
    let rounding = Rounding { saturate: args.saturate, ..Rounding::default() };
    let none = RoundedTensors::new();
    quantize_model(context, &merged, &sha256, &plan, &rounding, &args.output, none)
}
