//! `pibit adapt request`.

use super::destination;
use crate::adapter::{self, AdapterFile, NewAdapter};
use crate::context::Context;
use crate::model_ref::ModelRef;
use crate::output;
use crate::plain::PlainSource;
use anyhow::{Context as _, Result, bail, ensure};
use domain_types::{TensorSource, Tokenizer};
use model_store::GgufFile;
use qat_training::{
    DistillationConfig, LoraConfig, QatConfig, QatData, QatMode, QatRun, ScheduleConfig, TrainBackend,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Fewest tokens that training takes as a row.
const SHORTEST_ROW: usize = 16;

#[derive(clap::Args)]
#[command(after_help = "\
The adapter runs beside the model with `pibit run --lora`. Where it exists already it goes on from there.

Examples:
  pibit adapt request tiny-piq2.gguf --lora user.gguf --text request.txt
  pibit adapt request s2.gguf --lora user.gguf -p 'Our product is called Pibit, and it …' --steps 4 --json")]
pub(super) struct Args {
    /// GGUF file, Hugging Face folder, `tiny` or `smollm2`
    model: ModelRef,
    /// Adapter: made where it is not there, else changed in place
    #[arg(long, value_name = "ADAPTER")]
    lora: PathBuf,
    /// Text of the request
    #[arg(short, long, value_name = "TEXT", required_unless_present = "text")]
    prompt: Option<String>,
    /// The same from a file
    #[arg(long, value_name = "FILE", conflicts_with = "prompt")]
    text: Option<PathBuf>,
    /// Optimizer steps
    #[arg(long, default_value_t = 4)]
    steps: usize,
    /// Learning rate
    #[arg(long, default_value_t = 2e-3)]
    learning_rate: f64,
    /// Rank of a new adapter
    #[arg(long, default_value_t = LoraConfig::default().rank)]
    rank: usize,
    /// File to write [default: ADAPTER, kept as ADAPTER.previous]
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct RequestReport {
    output: String,
    bytes: u64,
    /// Whether there was no adapter before.
    new: bool,
    steps: usize,
    loss_first: f64,
    loss_last: f64,
    seconds: f64,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<()> {
    let report = adapt(context, args)?;
    if args.json {
        return output::json(&report);
    }
    let RequestReport { output, loss_first, loss_last, steps, seconds, .. } = &report;
    println!("{output}: loss {loss_first:.4} to {loss_last:.4} in {steps} steps, {seconds:.1} s");
    Ok(())
}

fn adapt(context: &Context, args: &Args) -> Result<RequestReport> {
    let source = args.model.open(context)?;
    let tokenizer =
        model_store::load_tokenizer(&*source).with_context(|| format!("tokenizer of {}", args.model))?;
    let text = text(args)?;
    let begun = args.lora.exists().then(|| begun(context, args)).transpose()?;
    let (lora, before) = match &begun {
        Some((lora, file)) => (lora.clone(), Some(file as &dyn TensorSource)),
        None => (LoraConfig { rank: args.rank, ..LoraConfig::default() }, None),
    };
    let config = config(args, lora, row_length(&text, &tokenizer, source.spec()?.context_length)?);
    let model = PlainSource::new(&*source, &context.codecs)?;
    let (targets, data) = (BTreeMap::new(), QatData::Text(text));
    let run = QatRun {
        source: &model,
        teacher: None,
        tokenizer: &tokenizer,
        targets: &targets,
        data: &data,
        config: &config,
        kv: None,
        adapter: before,
        backend: TrainBackend::default(),
        checkpoint: None,
        sink: &*context.sink,
        clock: &*context.clock,
    };
    let (trained, seconds) = context.timed(|| Ok(run.train(&mut |_| ())?))?;
    let adapter = NewAdapter {
        base_sha256: &args.model.sha256()?,
        architecture: &source.spec()?.architecture,
        alpha: config.lora.alpha,
        tensors: &trained.tensors,
    };
    let new = before.is_none();
    let output = match &args.output {
        None if new => args.lora.clone(),
        output => destination(&args.lora, output.as_ref())?,
    };
    let bytes = adapter::write(context, &adapter, &output)?;
    let losses = [trained.curve.first(), trained.curve.last()].map(|p| p.map_or(f64::NAN, |p| p.loss));
    Ok(RequestReport {
        output: output.display().to_string(),
        bytes,
        new,
        steps: args.steps,
        loss_first: losses[0],
        loss_last: losses[1],
        seconds,
    })
}

fn text(args: &Args) -> Result<String> {
    match (&args.prompt, &args.text) {
        (Some(prompt), _) => Ok(prompt.clone()),
        (None, Some(path)) => {
            std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
        }
        (None, None) => bail!("give the request with -p TEXT or --text FILE"),
    }
}

/// An adapter to go on from, and what it is.
fn begun(context: &Context, args: &Args) -> Result<(LoraConfig, GgufFile)> {
    let config = AdapterFile::of_model(context, &args.lora, &args.model)?.config()?;
    Ok((config, GgufFile::open(&args.lora, &context.catalogue)?))
}

/// A row as long as the text, where that is not too long.
fn row_length(text: &str, tokenizer: &dyn Tokenizer, context_length: usize) -> Result<usize> {
    let tokens = tokenizer.encode(text, false)?.len();
    ensure!(
        tokens > SHORTEST_ROW,
        "the request has {tokens} tokens; there is little to learn from fewer than {}",
        SHORTEST_ROW + 1
    );
    Ok((tokens - 1).min(128).min(context_length))
}

fn config(args: &Args, lora: LoraConfig, row_length: usize) -> QatConfig {
    let qat = ScheduleConfig {
        mode: QatMode::Lora,
        steps: args.steps,
        row_length,
        batch_size: 1,
        learning_rate: args.learning_rate,
        warmup: 0,
        prompt_weight: 1.0,
        log_every: 1,
        validation_rows: 0,
        ..ScheduleConfig::default()
    };
    let distillation =
        DistillationConfig { cross_entropy: 1.0, distillation: 0.0, reasoning: 0.0, temperature: 1.0 };
    QatConfig { qat, distillation, lora, ..QatConfig::default() }
}
