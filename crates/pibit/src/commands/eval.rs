//! `pibit eval`: perplexity, divergence from a reference, exact-match tasks.

use crate::compute::Compute;
use crate::context::Context;
use crate::evaluation::{AlarmArgs, TaskAccuracy, Text, measure_tasks, observe, watch_text};
use crate::experts::{ExpertArgs, ExpertReport};
use crate::loaded::LoadedModel;
use crate::model_ref::ModelRef;
use crate::output;
use anyhow::{Result, bail};
use inference::{EvalProgress, EvalReport, KvFormat, KvOptions, LoadOptions};
use observability::Drift;
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
  pibit eval s2.gguf --reference smollm2 --text mine.txt --chunks 0 --alarm-agreement 0.7 --alarm-perplexity 40
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    drifts: Vec<Drift>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tasks: BTreeMap<&'static str, f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    task_details: Vec<TaskAccuracy>,
    /// With a budget of memory for experts.
    #[serde(skip_serializing_if = "Option::is_none")]
    experts: Option<ExpertReport>,
    seconds: f64,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let evaluation = evaluate(context, args)?;
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
    let options = LoadOptions::default().with_kv(KvOptions::new(args.kv));
    let mut model = match &args.lora {
        Some(lora) => {
            let compute = Compute { kv: args.kv, activations: args.activations, mmap: true };
            LoadedModel::adapted(context, &args.model, options, compute, lora)?
        }
        None => LoadedModel::with_experts(context, &args.model, options, args.activations, &args.experts)?,
    };
    let mut reference =
        args.reference.as_ref().map(|r| LoadedModel::exact(context, r, args.ctx)).transpose()?;
    let of_lora = args.lora.as_ref().map_or(Ok(0), |lora| lora.metadata().map(|file| file.len()))?;
    let bytes = args.model.size(&*model.source)? + of_lora;
    let mut monitor = args.alarms.monitor(context)?;
    let ((report, details), seconds) = context.timed(|| {
        let protocol = [args.ctx, args.chunks];
        let mut watch = |progress: &EvalProgress| observe(&mut monitor, progress);
        let report = text
            .map(|text| watch_text(context, &mut model, reference.as_mut(), &text, protocol, &mut watch))
            .transpose()?;
        Ok((report, measure_tasks(context, &mut model, &args.tasks, args.task_samples)?))
    })?;
    let experts = model.experts.finish(context)?;
    Ok(Evaluation {
        model: args.model.to_string(),
        bytes,
        lora: args.lora.as_ref().map(|lora| lora.display().to_string()),
        kv: args.kv.name(),
        activations: args.activations.name(),
        text: report,
        drifts: monitor.drifts().to_vec(),
        tasks: details.iter().map(|t| (t.domain, t.accuracy)).collect(),
        task_details: details,
        experts,
        seconds,
    })
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
    for drift in &evaluation.drifts {
        println!("  ALARM: {} {:.4}, limit {}", drift.measure.name(), drift.value, drift.limit);
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
