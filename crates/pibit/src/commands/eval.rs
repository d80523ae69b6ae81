//! `pibit eval`: perplexity, divergence from a reference, exact-match tasks.

mod report;

use crate::compute::Compute;
use crate::context::Context;
use crate::evaluation::{
    AlarmArgs, ChunkPoint, ChunkWatch, Ladder, Rung, TaskAccuracy, Text, measure_tasks, protocol, watch_text,
};
use crate::experts::{ExpertArgs, ExpertReport};
use crate::loaded::LoadedModel;
use crate::model_ref::ModelRef;
use crate::output;
use anyhow::{Result, bail};
use inference::{EvalReport, KvFormat, KvOptions, LoadOptions};
use observability::{ActivationShares, Drift};
use qat_training::corpus::Domain;
use quant_core::Activations;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = "\
The protocol is that of llama.cpp's perplexity tool: see docs/evaluation.md.

Examples:
  pibit eval smollm2 --text wikitext2.txt --ctx 512 --chunks 20 --json
  pibit eval s3.gguf --reference smollm2 --text wikitext2.txt
  pibit eval s2.gguf --lora adapter.gguf --text wikitext2.txt
  pibit eval s2.gguf --reference smollm2 --text mine.txt --chunks 0 --alarm-agreement 0.7 --raise-to s3.gguf
  pibit eval s3.gguf --reference smollm2 --text wikitext2.txt --report s3.html
  pibit eval tiny --corpus --tasks arithmetic,code")]
pub struct Args {
    /// GGUF file, Hugging Face folder, `tiny`, `tiny-moe` or `smollm2`
    model: ModelRef,
    /// Apply an adapter that `pibit qat --lora` trained over this model
    #[arg(long, value_name = "ADAPTER", conflicts_with_all = ["expert_budget", "record_routes"])]
    lora: Option<PathBuf>,
    /// Model to compare with: adds KL divergence and top-1 agreement
    #[arg(long, value_name = "MODEL")]
    reference: Option<ModelRef>,
    /// Text to evaluate on
    #[arg(long, value_name = "FILE", conflicts_with = "corpus")]
    text: Option<PathBuf>,
    /// Evaluate on held-out text of the built-in corpus, which `tiny` was trained on
    #[arg(long)]
    corpus: bool,
    /// Format of the key–value cache (the reference's stays f16): f32, f16, q8, q4, q2 or k4v2
    #[arg(long, value_name = "FORMAT", default_value_t)]
    kv: KvFormat,
    /// Activations of linear layers: f32 (exact) or int8 (fast); the reference's are exact
    #[arg(long, value_name = "TYPE", default_value_t = Activations::F32)]
    activations: Activations,
    /// Tokens per chunk
    #[arg(long, default_value_t = 512)]
    ctx: usize,
    /// Chunks to evaluate, from the start of the text; 0 for all
    #[arg(long, default_value_t = 20)]
    chunks: usize,
    /// Exact-match tasks of the built-in corpus: arithmetic, code, tool-use, needle, language
    #[arg(long, value_delimiter = ',', value_name = "DOMAIN,…")]
    tasks: Vec<Domain>,
    /// Held-out problems per task
    #[arg(long, default_value_t = 100)]
    task_samples: usize,
    #[command(flatten)]
    experts: ExpertArgs,
    #[command(flatten)]
    alarms: AlarmArgs,
    /// Write the figures, chunk by chunk, as an HTML page
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Evaluation {
    model: String,
    /// Of the model, and of its adapter where one is applied.
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lora: Option<String>,
    kv: &'static str,
    activations: &'static str,
    #[serde(flatten)]
    text: Option<EvalReport>,
    /// Over all inputs and outputs of linear layers.
    #[serde(flatten)]
    activation_shares: Option<Shares>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    drifts: Vec<Drift>,
    /// Which versions of the model computed, where precision may rise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    precision: Vec<RungUse>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    by_chunk: Vec<ChunkPoint>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tasks: BTreeMap<&'static str, f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    task_details: Vec<TaskAccuracy>,
    /// With a budget of memory for experts.
    #[serde(skip_serializing_if = "Option::is_none")]
    experts: Option<ExpertReport>,
    seconds: f64,
}

/// Activations that a low precision would spoil, under names that say so in a flat report.
#[derive(Serialize)]
struct Shares {
    activation_outliers: f64,
    activation_saturation: f64,
}

impl From<ActivationShares> for Shares {
    fn from(shares: ActivationShares) -> Self {
        Self { activation_outliers: shares.outliers, activation_saturation: shares.saturation }
    }
}

/// A version of the model, and how much of the text it computed.
#[derive(Serialize)]
struct RungUse {
    #[serde(flatten)]
    rung: Rung,
    chunks: usize,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let evaluation = evaluate(context, args)?;
    if let Some(path) = &args.report {
        report::write(path, args, &evaluation)?;
    }
    if args.json {
        return output::json(&evaluation);
    }
    show(&evaluation);
    Ok(())
}

fn evaluate(context: &Context, args: &Args) -> Result<Evaluation> {
    let text = match (&args.text, args.corpus) {
        (Some(path), _) => Some(Text::read(path)?),
        (None, true) => Some(Text::held_out_corpus()),
        (None, false) if args.tasks.is_empty() => {
            bail!("nothing to evaluate: give --text FILE, --corpus or --tasks")
        }
        (None, false) => None,
    };
    let mut ladder = ladder(context, args)?;
    let mut reference =
        args.reference.as_ref().map(|r| LoadedModel::exact(context, r, args.ctx)).transpose()?;
    let of_lora = args.lora.as_ref().map_or(Ok(0), |lora| lora.metadata().map(|file| file.len()))?;
    let bytes = args.model.size(&*ladder.current().source)? + of_lora;
    let mut watch = ChunkWatch::new(args.alarms.monitor(context)?, &ladder);
    let ((report, details), seconds) = context.timed(|| {
        let report = text
            .map(|text| {
                let tokens = text.tokens(ladder.current())?;
                let options = protocol(ladder.current(), [args.ctx, args.chunks]);
                let watch = &mut |progress: &_| watch.see(progress);
                watch_text(context, &mut ladder, reference.as_mut(), &tokens, &options, watch)
            })
            .transpose()?;
        Ok((report, measure_tasks(context, ladder.current(), &args.tasks, args.task_samples)?))
    })?;
    let experts = ladder.current().experts.finish(context)?;
    Ok(Evaluation {
        model: args.model.to_string(),
        bytes,
        lora: args.lora.as_ref().map(|lora| lora.display().to_string()),
        kv: args.kv.name(),
        activations: args.activations.name(),
        text: report,
        activation_shares: watch.shares().map(Shares::from),
        drifts: watch.drifts().to_vec(),
        precision: use_of_rungs(&ladder, &watch.points),
        by_chunk: watch.points,
        tasks: details.iter().map(|t| (t.domain, t.accuracy)).collect(),
        task_details: details,
        experts,
        seconds,
    })
}

/// The model, and the versions that it may be raised to.
fn ladder(context: &Context, args: &Args) -> Result<Ladder> {
    let load = |model: &ModelRef| {
        let options = LoadOptions::default().with_kv(KvOptions::new(args.kv));
        LoadedModel::watched(context, model, options, args.activations, &args.experts)
    };
    let model = match &args.lora {
        Some(lora) => {
            let compute = Compute { kv: args.kv, activations: args.activations, mmap: true };
            LoadedModel::adapted(context, &args.model, compute.load_options(), compute, lora)?
        }
        None => load(&args.model)?,
    };
    let mut ladder = Ladder::new(context, &args.model, model);
    for version in &args.alarms.raise_to {
        ladder.push(version, load(version)?)?;
    }
    Ok(ladder)
}

fn use_of_rungs(ladder: &Ladder, points: &[ChunkPoint]) -> Vec<RungUse> {
    if ladder.rungs().len() == 1 {
        return Vec::new();
    }
    let chunks = |rung: usize| points.iter().filter(|point| point.rung == rung).count();
    let rungs = ladder.rungs().iter().cloned().enumerate();
    rungs.map(|(at, rung)| RungUse { rung, chunks: chunks(at) }).collect()
}

fn show(evaluation: &Evaluation) {
    println!("{}: {}", evaluation.model, output::bytes(evaluation.bytes));
    if let Some(text) = &evaluation.text {
        println!("  perplexity {:.4} ± {:.4} over {} tokens", text.ppl, text.ppl_err, text.tokens);
        if let (Some(kld), Some(p99), Some(top1)) = (text.kld_mean, text.kld_p99, text.top1) {
            println!(
                "  KL divergence mean {kld:.4}, 99th percentile {p99:.4}; same top-1 {:.1}%",
                top1 * 100.0
            );
        }
    }
    if let Some(shares) = &evaluation.activation_shares {
        let Shares { activation_outliers, activation_saturation } = shares;
        println!(
            "  activations: {:.3}% outliers, {:.3}% beyond F16",
            activation_outliers * 100.0,
            activation_saturation * 100.0
        );
    }
    for drift in &evaluation.drifts {
        let raised = if drift.raised { "; more bits asked for" } else { "" };
        println!("  ALARM: {} {:.4}, limit {}{raised}", drift.measure.name(), drift.value, drift.limit);
    }
    for RungUse { rung, chunks } in &evaluation.precision {
        println!("  {chunks} chunks with {} ({:.3} bits per weight)", rung.model, rung.bits_per_weight);
    }
    for task in &evaluation.task_details {
        println!(
            "  {}: {:.1}% exact ({} of {}, 95% interval {:.1}–{:.1}%)",
            task.domain,
            task.accuracy * 100.0,
            task.correct,
            task.problems,
            task.interval[0] * 100.0,
            task.interval[1] * 100.0
        );
    }
    println!("  {:.1} s", evaluation.seconds);
}
