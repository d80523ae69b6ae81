//! `pibit qat`: quantization-aware training.

mod decoded;
mod event_log;
#[cfg(test)]
mod parity;
mod report;
mod settings;
mod targets;
#[cfg(test)]
mod tests;

use crate::context::Context;
use crate::model_ref::ModelRef;
use crate::output;
use crate::quantize::{KeepRule, Plan, PlanOptions};
use crate::rewrite::{self, Rewritten};
use anyhow::{Context as _, Result};
use clap::ValueEnum;
use decoded::DecodedSource;
use domain_types::{Metadata, TensorInfo, TensorSource};
use event_log::EventLog;
use indicatif::ProgressBar;
use observability::FanOut;
use qat_training::{BlockPoint, QatConfig, QatMode, QatModel, QatPoint, QatRun};
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = "\
Trains a model whose matrices are rounded to FORMAT in every forward pass, and writes what it learnt in that format.
docs/qat.md explains the losses, the settings of --config and what to expect.

Examples:
  pibit qat tiny -f piq2 --teacher tiny --steps 300 -o tiny-qat.gguf
  pibit qat smollm2 -f piq2 --mode blockwise --data text.txt --checkpoint run.safetensors -o blocks.gguf
  pibit qat blocks.gguf -f piq2 --mode scales --teacher smollm2 --data text.txt -o smollm2-piq2.gguf
  pibit qat tiny -f piq2 --report curves.html --events run.jsonl -o tiny-qat.gguf
  pibit qat tiny -f t2 --teacher tiny --data arithmetic,code --checkpoint run.safetensors -o tiny-t2.gguf")]
pub struct Args {
    /// GGUF file, Hugging Face folder, `tiny` or `smollm2`
    model: ModelRef,
    /// Format of the linear layers; `pibit formats` lists them
    #[arg(short, long)]
    format: String,
    /// Format of the embedding [default: q4_0 where FORMAT has fewer than 4.5 bits, else FORMAT]
    #[arg(long, value_name = "FORMAT")]
    embed: Option<String>,
    /// Another format for tensors whose name matches (`*` and `?`). The first match counts
    #[arg(long, value_name = "PATTERN=FORMAT")]
    keep: Vec<KeepRule>,
    /// Settings (TOML); the options below override them
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Model to learn from, with the same vocabulary [default: MODEL itself, before it is quantized]
    #[arg(long, value_name = "MODEL")]
    teacher: Option<ModelRef>,
    /// What is trained
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Domains of the built-in corpus, or a text file [default: all domains]
    #[arg(long, value_name = "DOMAIN,…|FILE")]
    data: Option<String>,
    /// Optimizer steps; of each block in mode blockwise
    #[arg(long)]
    steps: Option<usize>,
    /// Seed of the data
    #[arg(long)]
    seed: Option<u64>,
    /// The run is kept here while it goes on; a run that was stopped goes on from it as if it had not been
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Write the loss curve here, as JSON
    #[arg(long, value_name = "FILE")]
    curve: Option<PathBuf>,
    /// Write the loss curves as an HTML page
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Append the run's events here, a JSON object a line: what `pibit gate G2 --qat-log` reads
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// GGUF file to write
    #[arg(short, long)]
    output: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Weights, norms and scales together
    Full,
    /// Scales alone
    Scales,
    /// Weights, norms and scales of one block at a time: memory for one block
    Blockwise,
}

#[derive(Serialize)]
struct QatReport {
    output: String,
    bytes: u64,
    seconds: f64,
    steps: usize,
    #[serde(flatten)]
    last: Option<QatPoint>,
    /// Block by block, where blocks were trained in turn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    blocks: Vec<BlockPoint>,
    teacher_sha256: Option<String>,
    /// The largest resident memory of this process, where the system tells.
    peak_memory_bytes: Option<u64>,
    config: QatConfig,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let (report, curve) = train(context, args)?;
    if let Some(path) = &args.curve {
        std::fs::write(path, serde_json::to_string_pretty(&curve)?)
            .with_context(|| format!("could not write {}", path.display()))?;
    }
    if let Some(path) = &args.report {
        report::write(path, &report, &curve)?;
    }
    if args.json {
        return output::json(&report);
    }
    let loss = report.last.map_or(f64::NAN, |point| point.loss);
    let (bytes, steps, seconds) = (output::bytes(report.bytes), report.steps, report.seconds);
    println!("{}: {bytes}, loss {loss:.4} after {steps} steps, {seconds:.0} s", report.output);
    Ok(())
}

fn train(context: &Context, args: &Args) -> Result<(QatReport, Vec<QatPoint>)> {
    let config = args.config()?;
    let data = args.data()?;
    let source = args.model.open(context)?;
    let plan = PlanOptions {
        format: args.format.clone(),
        embed: args.embed.clone(),
        keep: args.keep.clone(),
        ..PlanOptions::default()
    };
    let plan = Plan::make(source.tensors(), &plan, &context.catalogue)?;
    let targets = targets::of_plan(context.codecs, &*source, &plan)?;
    let tokenizer =
        model_store::load_tokenizer(&*source).with_context(|| format!("tokenizer of {}", args.model))?;
    let model = DecodedSource::new(&*source, &context.codecs)?;
    let teacher = args.teacher.as_ref().map(|teacher| teacher.open(context)).transpose()?;
    let teacher =
        teacher.as_ref().map(|teacher| DecodedSource::new(&**teacher, &context.codecs)).transpose()?;
    let log = args.events.as_deref().map(EventLog::open).transpose()?;
    let sinks = [context.sink.clone()].into_iter().chain(log.as_ref().map(EventLog::sink));
    let sink = FanOut::new(sinks);
    let run = QatRun {
        source: &model,
        teacher: Some(teacher.as_ref().unwrap_or(&model)),
        tokenizer: &tokenizer,
        targets: &targets,
        data: &data,
        config: &config,
        checkpoint: args.checkpoint.as_deref(),
        sink: &sink,
        clock: &*context.clock,
    };
    let rounds = if config.qat.mode == QatMode::Blockwise { model.spec()?.layers } else { 1 };
    let steps = config.qat.steps * rounds;
    let bar = context.progress.bar("qat", steps as u64);
    let (trained, seconds) = context.timed(|| Ok(run.train(&mut |point| show(&bar, point))?))?;
    bar.finish_and_clear();
    log.map_or(Ok(()), EventLog::finish)?;
    let bytes = write(context, args, &*source, &trained)?;
    let QatModel { curve, blocks, teacher_sha256, .. } = trained;
    let report = QatReport {
        output: args.output.display().to_string(),
        bytes,
        seconds,
        steps,
        last: curve.last().copied(),
        blocks,
        teacher_sha256,
        peak_memory_bytes: event_log::peak_memory(),
        config,
    };
    Ok((report, curve))
}

fn show(bar: &ProgressBar, point: &QatPoint) {
    bar.set_position(point.step as u64);
    bar.set_message(format!("loss {:.4}, {:.0} tokens/s", point.loss, point.tokens_per_second));
}

fn write(context: &Context, args: &Args, source: &dyn TensorSource, trained: &QatModel) -> Result<u64> {
    let infos = trained.tensors.iter().map(|(name, t)| TensorInfo::new(name, *t.format(), *t.shape()));
    let sha256 = args.model.sha256()?;
    let mut metadata: Metadata = source.metadata().clone();
    metadata.set("general.quantization_version", 2_u32);
    metadata.remove("general.file_type");
    let target = Rewritten {
        infos: infos.collect::<Result<_, _>>()?,
        metadata,
        source_sha256: Some(&sha256),
        output: &args.output,
    };
    Ok(rewrite::write(context, "write", target, |i| Ok(trained.tensors[i].1.clone()))?.bytes)
}
