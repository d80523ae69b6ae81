//! `pibit quantize`.

use crate::calibration::Calibration;
use crate::context::Context;
use crate::model_ref::ModelRef;
use crate::output;
use crate::quantize::{
    Calibrated, ConstantRule, Importance, KeepRule, Plan, PlanOptions, Prefix, QuantizeReport,
    RoundedTensors, Rounding, quantize_model,
};
use crate::rotate::RotatedSource;
use anyhow::{Result, bail};
use domain_types::{RotationSpec, TensorSource};
use quant_core::StepSearch;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = "\
Norms and biases are copied. A tensor whose rows do not fit its format is an error unless --allow-fallback is given.

Examples:
  pibit quantize tiny -f piq3 -o tiny-piq3.gguf
  pibit quantize smollm2 -f piq2 --embed q4_0 -o s2.gguf --json
  pibit quantize smollm2 -f piq3 --keep '*attn_v*=q4_0' --keep 'blk.0.*=q8_0' -o mixed.gguf
  pibit quantize smollm2 -f t3 --rotate -o rotated.gguf
  pibit quantize smollm2 -f piq3 --step imatrix --imatrix smollm2.imatrix.gguf -o s3.gguf")]
pub struct Args {
    /// GGUF file, Hugging Face folder, `tiny` or `smollm2`
    model: ModelRef,
    /// Format of the linear layers; `pibit formats` lists them
    #[arg(short, long)]
    format: String,
    /// How the step of a grid is found
    #[arg(long, default_value = "mse", value_name = "rms|mse|imatrix")]
    step: StepSearch,
    /// llama.cpp's importance matrix (GGUF), for --step imatrix
    #[arg(long, value_name = "FILE")]
    imatrix: Option<PathBuf>,
    /// Divisor k of the step α·π/k, 2 to 5; the format's default where not given
    #[arg(short, long)]
    k: Option<u8>,
    /// Constant of the step, for all or one class of tensors (attn, ffn, embd, output): pi, e, phi, sqrt2, ln2
    #[arg(long, value_name = "[CLASS=]NAME")]
    constant: Vec<ConstantRule>,
    /// Format of the embedding [default: q4_0 where FORMAT has fewer than 4.5 bits, else FORMAT]
    #[arg(long, value_name = "FORMAT")]
    embed: Option<String>,
    /// Format of the output head where it is not the embedding [default: as the embedding]
    #[arg(long, value_name = "FORMAT")]
    output_head: Option<String>,
    /// Another format for tensors whose name matches (`*` and `?`); `source` copies. The first match counts
    #[arg(long, value_name = "PATTERN=FORMAT")]
    keep: Vec<KeepRule>,
    /// Give tensors whose rows do not fit a larger format (q8_0, else f16) instead of failing
    #[arg(long)]
    allow_fallback: bool,
    /// Rotate weights so that none is large, and have the runtime rotate with them: less error below 4 bits
    #[arg(long, conflicts_with = "imatrix")]
    rotate: bool,
    /// What the signs of --rotate are made from
    #[arg(long, default_value_t = 0, requires = "rotate")]
    seed: u64,
    /// What `pibit calibrate` wrote: rounds layer by layer for the inputs that layers get
    #[arg(long, value_name = "FILE", conflicts_with = "imatrix")]
    calib: Option<PathBuf>,
    /// With --calib: rtn, ldlq or ldlq+refine
    #[arg(long, value_name = "METHOD", default_value = "ldlq", requires = "calib")]
    rounding: quant_core::Rounding,
    /// With --calib: what lies before a layer while its inputs are observed
    #[arg(long, value_enum, default_value_t, requires = "calib")]
    prefix: Prefix,
    /// File to write
    #[arg(short, long)]
    output: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let report = quantize(context, args)?;
    if args.json {
        return output::json(&report);
    }
    let fallbacks = report.tensors.iter().filter(|t| t.fallback).count();
    if fallbacks > 0 {
        println!("{fallbacks} tensors have a larger format than asked for; --json names them");
    }
    println!(
        "{}: {}, {:.3} bits per weight, {:.1} s",
        report.output,
        output::bytes(report.bytes),
        report.bits_per_weight,
        report.seconds
    );
    Ok(())
}

fn quantize(context: &Context, args: &Args) -> Result<QuantizeReport> {
    let importance = match (&args.imatrix, args.step) {
        (Some(path), _) => Some(Importance::read(context, path)?),
        (None, StepSearch::Imatrix) => {
            bail!("--step imatrix needs --imatrix FILE; llama-imatrix writes such files")
        }
        (None, _) => None,
    };
    let mut source: Box<dyn TensorSource + '_> = args.model.open(context)?;
    if args.rotate {
        source = Box::new(RotatedSource::new(
            source,
            RotationSpec::full(args.seed),
            &context.codecs,
            &*context.sink,
        )?);
    }
    let options = PlanOptions {
        format: args.format.clone(),
        embed: args.embed.clone(),
        output_head: args.output_head.clone(),
        keep: args.keep.clone(),
        allow_fallback: args.allow_fallback,
    };
    let plan = Plan::make(source.tensors(), &options, &context.catalogue)?;
    let (step, k, constants) = (args.step, args.k, args.constant.clone());
    let rounding = Rounding { step, k, constants, importance, method: args.rounding };
    let sha256 = args.model.sha256()?;
    let Some(calib) = &args.calib else {
        return quantize_model(
            context,
            &*source,
            &sha256,
            &plan,
            &rounding,
            &args.output,
            RoundedTensors::new(),
        );
    };
    let calibration = Calibration::open(&context.catalogue, calib)?;
    if calibration.model_sha256() != Some(&sha256) {
        bail!("{} was made from another model; run `pibit calibrate {}`", calib.display(), args.model);
    }
    let (source, plan, rounding) = (&*source, &plan, &rounding);
    let (calibration, prefix) = (&calibration, args.prefix);
    let calibrated = Calibrated { context, source, plan, rounding, calibration, prefix };
    let (done, seconds) = context.timed(|| calibrated.round())?;
    let mut report = quantize_model(context, source, &sha256, plan, rounding, &args.output, done)?;
    report.seconds += seconds;
    Ok(report)
}
