//! `pibit dequantize`: back to plain floats.

use crate::context::Context;
use crate::model_ref::ModelRef;
use crate::output;
use crate::quantize::{Plan, PlanOptions, RoundedTensors, Rounding, quantize_model};
use crate::runnable::WeightsOnly;
use anyhow::Result;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = "Example: pibit dequantize s3.gguf -o s3-f32.gguf --as f32")]
pub struct Args {
    /// GGUF file, Hugging Face folder, `tiny` or `smollm2`
    model: ModelRef,
    /// Float type of the matrices; norms and biases are copied
    #[arg(long = "as", value_enum, default_value = "f16")]
    float: Float,
    /// File to write
    #[arg(short, long)]
    output: PathBuf,
    #[command(flatten)]
    weights_only: WeightsOnly,
    /// Give weights beyond the range of F16 its largest number instead of failing
    #[arg(long)]
    saturate: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Float {
    F16,
    F32,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let format = match args.float {
        Float::F16 => "f16",
        Float::F32 => "f32",
    };
    let source = args.model.open(context)?;
    args.weights_only.allow(context, &*source)?;
    let options = PlanOptions { format: format.into(), ..PlanOptions::default() };
    let plan = Plan::make(source.tensors(), &options, &context.catalogue)?;
    let sha256 = args.model.sha256()?;
    let report = quantize_model(
        context,
        &*source,
        &sha256,
        &plan,
        &Rounding { saturate: args.saturate, ..Rounding::default() },
        &args.output,
        RoundedTensors::new(),
    )?;
    if args.json {
        return output::json(&report);
    }
    println!("{}: {} in {:.1} s", report.output, output::bytes(report.bytes), report.seconds);
    Ok(())
}
