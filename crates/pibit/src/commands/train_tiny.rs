//! `pibit train-tiny`: makes the embedded model again.

use crate::context::Context;
use crate::output;
use crate::rewrite::{self, Rewritten};
use anyhow::Result;
use domain_types::TensorInfo;
use qat_training::{
    Accuracy, CurvePoint, Progress, RoutingConfig, TinyModel, TrainConfig, train_tiny, train_tiny_moe,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = "\
docs/tiny.md has the command, time and curve of the committed model.

Example: pibit train-tiny --seed 1 -o tiny.gguf --curve tiny-curve.json")]
pub struct Args {
    /// Seed of the corpus and of the initial weights
    #[arg(long, default_value_t = TrainConfig::default().seed)]
    seed: u64,
    /// Optimizer steps
    #[arg(long, default_value_t = TrainConfig::default().steps)]
    steps: usize,
    /// Tokens per step
    #[arg(long, default_value_t = TrainConfig::default().batch_tokens)]
    batch_tokens: usize,
    /// Highest learning rate
    #[arg(long, default_value_t = TrainConfig::default().learning_rate)]
    learning_rate: f64,
    /// Make `tiny-moe`, the mixture of experts, instead
    #[arg(long)]
    moe: bool,
    /// Weights are kept here during the run; a run that was stopped goes on from them
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Write the loss curve and held-out accuracies here, as JSON
    #[arg(long, value_name = "FILE")]
    curve: Option<PathBuf>,
    /// GGUF file to write
    #[arg(short, long)]
    output: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Training {
    output: String,
    bytes: u64,
    seconds: f64,
    steps: usize,
    loss: f64,
    #[serde(skip)]
    curve: Curve,
}

/// The course of a run.
#[derive(Serialize, Default)]
struct Curve {
    loss: Vec<LossPoint>,
    /// Exact-match accuracy on held-out tasks, by step and domain.
    accuracy: BTreeMap<usize, BTreeMap<&'static str, f64>>,
}

#[derive(Serialize)]
struct LossPoint {
    step: usize,
    loss: f64,
    learning_rate: f64,
    seconds: f64,
}

impl From<&CurvePoint> for LossPoint {
    fn from(p: &CurvePoint) -> Self {
        Self { step: p.step, loss: p.loss, learning_rate: p.learning_rate, seconds: p.seconds }
    }
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let training = train(context, args)?;
    if let Some(path) = &args.curve {
        output::json_file(path, &training.curve)?;
    }
    if args.json {
        return output::json(&training);
    }
    println!(
        "{}: {}, loss {:.4} after {} steps, {:.0} s",
        training.output,
        output::bytes(training.bytes),
        training.loss,
        training.steps,
        training.seconds
    );
    Ok(())
}

fn train(context: &Context, args: &Args) -> Result<Training> {
    let config = TrainConfig {
        seed: args.seed,
        steps: args.steps,
        batch_tokens: args.batch_tokens,
        learning_rate: args.learning_rate,
        checkpoint: args.checkpoint.clone(),
        routing: if args.moe { RoutingConfig::tiny_moe() } else { RoutingConfig::default() },
        ..TrainConfig::default()
    };
    let mut curve = Curve::default();
    let bar = context.progress.bar("train", config.steps as u64);
    let (model, seconds) = context.timed(|| {
        let train = if args.moe { train_tiny_moe } else { train_tiny };
        Ok(train(&config, &*context.sink, &*context.clock, &mut |progress| match progress {
            Progress::Loss(point) => {
                bar.set_position(point.step as u64);
                bar.set_message(format!("loss {:.4}", point.loss));
                curve.loss.push(point.into());
            }
            Progress::Evaluated { step, accuracy } => {
                bar.suspend(|| context.progress.note(&exam(*step, accuracy)));
                curve.accuracy.insert(*step, accuracy.iter().map(|a| (a.domain.name(), a.exact)).collect());
            }
            _ => {}
        })?)
    })?;
    bar.finish_and_clear();
    let bytes = write(context, args, model)?;
    let loss = curve.loss.last().map_or(f64::NAN, |p| p.loss);
    Ok(Training { output: args.output.display().to_string(), bytes, seconds, steps: args.steps, loss, curve })
}

fn exam(step: usize, accuracy: &[Accuracy]) -> String {
    let shares: Vec<_> = accuracy.iter().map(|a| format!("{} {:.0}%", a.domain, a.exact * 100.0)).collect();
    format!("step {step}: {}", shares.join(", "))
}

fn write(context: &Context, args: &Args, model: TinyModel) -> Result<u64> {
    let infos = model.tensors.iter().map(|(name, t)| TensorInfo::new(name, *t.format(), *t.shape()));
    let target = Rewritten {
        infos: infos.collect::<Result<_, _>>()?,
        metadata: model.metadata,
        source_sha256: None,
        output: &args.output,
    };
    Ok(rewrite::write(context, "write", target, |i| Ok(model.tensors[i].1.clone()))?.bytes)
}
