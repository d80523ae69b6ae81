//! `pibit export`: our formats as formats that other runtimes read, value for value.

use crate::context::Context;
use crate::model_ref::ModelRef;
use crate::output;
use crate::rewrite::{self, Rewritten};
use crate::runnable::WeightsOnly;
use anyhow::{Result, bail};
use domain_types::{
    CodecSet, ExpertTensor, QuantFormat, QuantTensor, QuantizeRequest, RopeScaling, RotationSpec, TensorInfo,
    TensorSource, scalar,
};
use quant_core::QuantizeOptions;
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = "\
Exact re-encodings: piq2 and uq2 to q2_k, piq3 and uq3 to q3_k, pit to tq2_0, where 256 divides the row length. Other
tensors of our formats become F16 and are listed: their values are rounded to F16.

Example: pibit export tiny-piq3.gguf --to llama.cpp -o tiny-q3k.gguf")]
pub struct Args {
    /// File to export
    model: ModelRef,
    /// For whom
    #[arg(long, value_enum, default_value = "llama.cpp")]
    to: Runtime,
    /// File to write
    #[arg(short, long)]
    output: PathBuf,
    #[command(flatten)]
    weights_only: WeightsOnly,
    /// Fail where any tensor cannot be re-encoded exactly
    #[arg(long)]
    strict: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Runtime {
    /// llama.cpp and everything else that reads ggml's types
    #[value(name = "llama.cpp")]
    LlamaCpp,
}

#[derive(Serialize)]
struct ExportReport {
    output: String,
    bytes: u64,
    /// Tensors re-encoded with the same values.
    exact: usize,
    /// Tensors copied: their format is ggml's already.
    copied: usize,
    /// Tensors that could not be re-encoded exactly, and why.
    inexact: Vec<Inexact>,
}

#[derive(Serialize, Clone)]
struct Inexact {
    name: String,
    reason: String,
}

/// What happens to a tensor.
enum Fate {
    Copied,
    Exact(QuantFormat),
    Inexact(Inexact),
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let Runtime::LlamaCpp = args.to;
    let source = args.model.open(context)?;
    args.weights_only.allow(context, &*source)?;
    if RotationSpec::read(source.metadata())?.is_some() {
        bail!(
            "{} is rotated: its down projections need an input that llama.cpp does not rotate, so it would run and \
             give nonsense; quantize the original without --rotate to export it",
            args.model
        );
    }
    let single =
        |info: &TensorInfo| matches!(ExpertTensor::parse(&info.name), Some(ExpertTensor::Single { .. }));
    if source.tensors().iter().any(single) {
        bail!(
            "experts of {} have formats of their own, and llama.cpp reads stacks of one format; quantize the original \
             with `pibit quantize` to export it",
            args.model
        );
    }
    for note in passed_over(&*source) {
        context.progress.note(&format!("note: {note}"));
    }
    let fates = fates(context, &*source)?;
    let inexact: Vec<Inexact> = fates
        .iter()
        .filter_map(|f| if let Fate::Inexact(why) = f { Some(why.clone()) } else { None })
        .collect();
    if args.strict && !inexact.is_empty() {
        let Inexact { name, reason } = &inexact[0];
        bail!("{} tensors cannot be exported exactly, for example {name}: {reason}", inexact.len());
    }
    let infos = source.tensors().iter().zip(&fates);
    let infos = infos.map(|(info, fate)| TensorInfo::new(&info.name, fate.format(info), info.shape));
    let sha256 = args.model.sha256()?;
    let target = Rewritten {
        infos: infos.collect::<Result<_, _>>()?,
        metadata: source.metadata().clone(),
        source_sha256: Some(&sha256),
        output: &args.output,
    };
    let written = rewrite::write(context, "export", target, |i| convert(context, &*source, i, &fates[i]))?;
    let count = |wanted: fn(&Fate) -> bool| fates.iter().filter(|f| wanted(f)).count();
    let report = ExportReport {
        output: args.output.display().to_string(),
        bytes: written.bytes,
        exact: count(|f| matches!(f, Fate::Exact(_))),
        copied: count(|f| matches!(f, Fate::Copied)),
        inexact,
    };
    if args.json {
        return output::json(&report);
    }
    show(&report);
    Ok(())
}

/// What llama.cpp does not read of a model's description: it runs without it.
fn passed_over(source: &dyn TensorSource) -> Vec<String> {
    let Ok(spec) = source.spec() else { return Vec::new() };
    let window = spec.attention.sliding_window.filter(|_| spec.architecture != "gemma3");
    let window = window.map(|window| {
        format!(
            "llama.cpp gives {} models no windows: beyond {} tokens it computes something else",
            spec.architecture, window.size
        )
    });
    let ramp = matches!(spec.rope.scaling, RopeScaling::Yarn(yarn) if !yarn.truncate);
    let ramp =
        ramp.then(|| "llama.cpp rounds the ends of YaRN's ramp to whole pairs; this model does not".into());
    window.into_iter().chain(ramp).collect()
}

impl Fate {
    /// The format that a tensor gets.
    fn format(&self, info: &TensorInfo) -> QuantFormat {
        match self {
            Self::Copied => info.format,
            Self::Exact(format) => *format,
            Self::Inexact(_) => scalar::F16,
        }
    }
}

/// Tries every tensor: whether one can be re-encoded depends on its numbers too.
fn fates(context: &Context, source: &dyn TensorSource) -> Result<Vec<Fate>> {
    let bar = context.progress.bar("check", source.tensors().len() as u64);
    let mut fates = Vec::with_capacity(source.tensors().len());
    for info in source.tensors() {
        bar.inc(1);
        fates.push(if info.format.ggml_type().is_some() {
            Fate::Copied
        } else {
            match quant_core::export_tensor(&source.tensor(&info.name)?) {
                Ok(tensor) => Fate::Exact(*tensor.format()),
                Err(error) => Fate::Inexact(Inexact { name: info.name.clone(), reason: error.to_string() }),
            }
        });
    }
    bar.finish_and_clear();
    Ok(fates)
}

/// The largest number of F16.
const LARGEST_F16: f32 = 65_504.0;

fn convert(context: &Context, source: &dyn TensorSource, index: usize, fate: &Fate) -> Result<QuantTensor> {
    let tensor = source.tensor(&source.tensors()[index].name)?;
    match fate {
        Fate::Copied => Ok(tensor),
        Fate::Exact(_) => Ok(quant_core::export_tensor(&tensor)?),
        Fate::Inexact(_) => {
            let mut weights = vec![0.0; tensor.shape().elements()];
            context.codecs.require(tensor.format())?.decode(tensor.view(), &mut weights)?;
            if let Some(weight) = weights.iter().find(|w| w.abs() > LARGEST_F16) {
                bail!("weight {weight} is beyond the range of f16; dequantize the model to f32 instead");
            }
            let f16 = quant_core::quantizer(scalar::F16.id(), &QuantizeOptions::default())?;
            Ok(f16.quantize(&QuantizeRequest::new(&weights, *tensor.shape())?)?)
        }
    }
}

fn show(report: &ExportReport) {
    println!(
        "{}: {}; {} tensors re-encoded exactly, {} copied",
        report.output,
        output::bytes(report.bytes),
        report.exact,
        report.copied
    );
    for tensor in &report.inexact {
        println!("  {} became f16: {}", tensor.name, tensor.reason);
    }
}
