//! `pibit run`: continue a text.

use crate::compute::Compute;
use crate::context::Context;
use crate::experts::{ExpertArgs, ExpertReport};
use crate::generation::stream;
use crate::loaded::LoadedModel;
use crate::model_ref::ModelRef;
use crate::output;
use anyhow::{Result, bail};
use domain_types::TokenModel as _;
use inference::{Sampler, SamplerOptions};
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  pibit run smollm2 -p 'The capital of France is' -n 20
  pibit run s2.gguf --lora adapter.gguf -p 'The capital of France is'
  pibit run tiny-moe -p 'Tom has 12' --expert-budget 25% --record-routes routes.jsonl --json")]
pub struct Args {
    /// GGUF file, Hugging Face folder, `tiny`, `tiny-moe` or `smollm2`
    model: ModelRef,
    /// Text to continue
    #[arg(short, long)]
    prompt: String,
    /// Tokens to generate at most
    #[arg(short = 'n', long, default_value_t = 128)]
    tokens: usize,
    /// Apply an adapter that `pibit qat --lora` trained over this model
    #[arg(long, value_name = "ADAPTER", conflicts_with_all = ["expert_budget", "record_routes"])]
    lora: Option<PathBuf>,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    sampling: Sampling,
    #[command(flatten)]
    experts: ExpertArgs,
    /// Print JSON when all is done
    #[arg(long)]
    json: bool,
}

/// What was generated, and what that took.
#[derive(Serialize)]
struct Report {
    /// Without the prompt.
    text: String,
    prompt_tokens: usize,
    output_tokens: usize,
    /// For the prompt and all tokens.
    seconds: f64,
    /// With a budget of memory for experts.
    #[serde(skip_serializing_if = "Option::is_none")]
    experts: Option<ExpertReport>,
}

/// How the next token is chosen.
#[derive(clap::Args)]
pub(crate) struct Sampling {
    /// Temperature; 0 takes the likeliest token
    #[arg(long, default_value_t = 0.0)]
    temp: f32,
    /// Keep only the K likeliest tokens (0: all)
    #[arg(long, default_value_t = 0)]
    top_k: usize,
    /// Keep the likeliest tokens that hold this much probability together
    #[arg(long, default_value_t = 1.0)]
    top_p: f32,
    /// Keep tokens at least this probable relative to the likeliest
    #[arg(long, default_value_t = 0.0)]
    min_p: f32,
    /// Seed: the same seed gives the same text
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Sampling {
    pub(crate) fn sampler(&self) -> Result<Sampler> {
        Ok(Sampler::new(SamplerOptions {
            temperature: self.temp,
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            seed: self.seed,
        })?)
    }
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let mut sampler = args.sampling.sampler()?;
    let (options, compute) = (args.compute.load_options(), args.compute);
    let mut model = match &args.lora {
        Some(lora) => LoadedModel::adapted(context, &args.model, options, compute, lora)?,
        None if args.experts.asked() => {
            LoadedModel::with_experts(context, &args.model, options, compute.activations, &args.experts)?
        }
        None => LoadedModel::fast(context, &args.model, options, compute)?,
    };
    let tokens = model.prompt_tokens(&args.prompt)?;
    if tokens.is_empty() {
        bail!("the prompt is empty and the model has no start token; give some text with -p");
    }
    let longest = model.transformer.context_length();
    if tokens.len() > longest {
        bail!("the prompt has {} tokens, the model's context takes {longest}; shorten it", tokens.len());
    }
    if args.json {
        let (generation, seconds) = context.timed(|| {
            stream(context, &mut model, &tokens, &mut sampler, args.tokens, &mut std::io::sink())
        })?;
        return output::json(&Report {
            prompt_tokens: tokens.len(),
            output_tokens: generation.tokens.len(),
            text: generation.text,
            seconds,
            experts: model.experts.finish(context)?,
        });
    }
    print!("{}", args.prompt);
    stream(context, &mut model, &tokens, &mut sampler, args.tokens, &mut std::io::stdout())?;
    println!();
    model.experts.finish(context).map(drop)
}
