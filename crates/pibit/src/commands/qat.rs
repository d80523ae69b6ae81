//! `pibit qat`: quantization-aware training.

#[cfg(test)]
mod backend_tests;
mod base;
mod device;
mod event_log;
#[cfg(test)]
mod frozen_tests;
mod learned;
#[cfg(test)]
mod mixture_tests;
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
use crate::plain::PlainSource;
use crate::quantize::{KeepRule, Plan, PlanOptions};
use crate::rewrite::{self, Rewritten};
use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use device::Device;
use domain_types::{Metadata, TensorInfo, TensorSource};
use event_log::EventLog;
use indicatif::ProgressBar;
use observability::FanOut;
use qat_training::{BlockPoint, QatConfig, QatMode, QatModel, QatPoint, QatRun, QatTarget};
use serde::Serialize;
pub(crate) use settings::data_of;
use std::collections::BTreeMap;
use std::path::PathBuf;
pub(crate) use targets::scale_blocks;

#[derive(clap::Args)]
#[command(after_help = "\
Trains a model whose matrices are rounded to FORMAT in every forward pass, and writes what it learnt in that format.
docs/qat.md explains the losses, the settings of --config and what to expect.

Examples:
  pibit qat tiny -f piq2 --teacher tiny --steps 300 -o tiny-qat.gguf
  pibit qat smollm2 -f piq2 --mode blockwise --data text.txt --checkpoint run.safetensors -o blocks.gguf
  pibit qat blocks.gguf -f piq2 --mode scales --teacher smollm2 --data text.txt -o smollm2-piq2.gguf
  pibit qat s2.gguf --lora 8 --teacher smollm2 --data text.txt -o adapter.gguf
  pibit qat s2.gguf --mode norms --teacher smollm2 --data text.txt -o s2-norms.gguf
  pibit qat tiny -f piq2 --report curves.html --events run.jsonl -o tiny-qat.gguf
  pibit qat tiny -f t2 --teacher tiny --data arithmetic,code --checkpoint run.safetensors -o tiny-t2.gguf")]
pub struct Args {
    /// GGUF file, Hugging Face folder, `tiny` or `smollm2`
    model: ModelRef,
    /// Format of the linear layers; `pibit formats` lists them. With --lora and --mode norms, MODEL is taken as it is where
    /// none is given
    #[arg(short, long)]
    format: Option<String>,
    /// Format of the embedding [default: q4_0 where FORMAT has fewer than 4.5 bits, else FORMAT]
    #[arg(long, value_name = "FORMAT")]
    embed: Option<String>,
    /// Another format for tensors whose name matches (`*` and `?`). The first match counts
    #[arg(long, value_name = "PATTERN=FORMAT")]
    keep: Vec<KeepRule>,
    /// Settings (TOML); the options below override them
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Model to learn from, with the same vocabulary [default: MODEL itself, before it is quantized; none where it is not]
    #[arg(long, value_name = "MODEL")]
    teacher: Option<ModelRef>,
    /// What is trained
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Train adapters of this rank, 4 to 16 for example, beside matrices that stay as they are. OUTPUT is an adapter for
    /// `pibit run --lora` and llama.cpp
    #[arg(long, value_name = "RANK", conflicts_with = "mode")]
    lora: Option<usize>,
    /// With --lora or --mode norms, and -f: where MODEL is written in FORMAT before training [default: OUTPUT with
    /// .base.gguf]
    #[arg(long, value_name = "FILE", requires = "format")]
    base: Option<PathBuf>,
    /// Domains of the built-in corpus, or a text file [default: all domains]
    #[arg(long, value_name = "DOMAIN,…|FILE")]
    data: Option<String>,
    /// Round keys and values in training as `--kv FORMAT` does in `pibit run`: f16, q8, q4, k4v2 or q2
    #[arg(long, value_name = "FORMAT")]
    kv: Option<String>,
    /// Optimizer steps; of each block in mode blockwise
    #[arg(long)]
    steps: Option<usize>,
    /// Seed of the data
    #[arg(long)]
    seed: Option<u64>,
    /// What trains. Losses are the same up to rounding; a run goes on where it began
    #[arg(long, value_enum, default_value = "cpu")]
    device: Device,
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
    /// Norms alone: matrices are copied bit for bit, of whatever format
    Norms,
}

#[derive(Serialize)]
struct QatReport {
    output: String,
    bytes: u64,
    /// What matrices were frozen, where they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<String>,
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
        output::json_file(path, &curve)?;
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
    let (config, data, backend) = (args.config()?, args.data()?, args.device.backend()?);
    let frozen = config.qat.mode.freezes_matrices();
    let subject = if frozen { base::prepare(context, args)? } else { args.model.clone() };
    let source = subject.open(context)?;
    let targets = if frozen { BTreeMap::new() } else { targets(context, args, &*source)? };
    if config.qat.mode == QatMode::Norms {
        learned::check_norms(&*source)?;
    }
    let tokenizer =
        model_store::load_tokenizer(&*source).with_context(|| format!("tokenizer of {subject}"))?;
    let model = PlainSource::new(&*source, &context.codecs)?;
    // A base that was made here has a teacher like any other student: the model that it was made from.
    let made_here = frozen && subject != args.model;
    let teacher = args.teacher.as_ref().or(made_here.then_some(&args.model));
    let teacher = teacher.map(|teacher| teacher.open(context)).transpose()?;
    let teacher =
        teacher.as_ref().map(|teacher| PlainSource::new(&**teacher, &context.codecs)).transpose()?;
    let log = args.events.as_deref().map(EventLog::open).transpose()?;
    let sinks = [context.sink.clone()].into_iter().chain(log.as_ref().map(EventLog::sink));
    let sink = FanOut::new(sinks);
    let kv = settings::kv_rounding(&config)?;
    let run = QatRun {
        source: &model,
        teacher: teacher.as_ref().or((!frozen).then_some(&model)).map(|teacher| teacher as _),
        tokenizer: &tokenizer,
        targets: &targets,
        data: &data,
        config: &config,
        kv: kv.as_ref(),
        adapter: None,
        backend,
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
    let bytes = match config.qat.mode {
        QatMode::Lora => learned::write_adapter(context, args, &subject, &*source, (&config.lora, &trained))?,
        QatMode::Norms => learned::write_norms(context, args, &subject, &*source, &trained)?,
        _ => write(context, args, &*source, &trained)?,
    };
    let QatModel { curve, blocks, teacher_sha256, .. } = trained;
    let report = QatReport {
        output: args.output.display().to_string(),
        bytes,
        base: frozen.then(|| subject.to_string()),
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

fn targets(context: &Context, args: &Args, source: &dyn TensorSource) -> Result<BTreeMap<String, QatTarget>> {
    let Some(format) = &args.format else {
        bail!(
            "-f FORMAT is missing: only --lora and --mode norms can leave the model in the format that it has"
        );
    };
    targets::of_plan(context.codecs, source, &plan(context, args, format, source)?)
}

fn plan(context: &Context, args: &Args, format: &str, source: &dyn TensorSource) -> Result<Plan> {
    let options = PlanOptions {
        format: format.to_owned(),
        embed: args.embed.clone(),
        keep: args.keep.clone(),
        ..PlanOptions::default()
    };
    options.refuse_without_effect(source.tensors())?;
    Plan::make(source.tensors(), &options, &context.catalogue)
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
