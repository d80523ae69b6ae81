//! `pibit run`: continue a text.

use crate::compute::Compute;
use crate::context::Context;
use crate::experts::ExpertArgs;
use crate::generation::stream;
use crate::loaded::LoadedModel;
use crate::model_ref::ModelRef;
use anyhow::{Result, bail};
use inference::{Sampler, SamplerOptions};

#[derive(clap::Args)]
#[command(after_help = "Example: pibit run smollm2 -p 'The capital of France is' -n 20")]
pub struct Args {
    /// GGUF file, Hugging Face folder, `tiny`, `tiny-moe` or `smollm2`
    model: ModelRef,
    /// Text to continue
    #[arg(short, long)]
    prompt: String,
    /// Tokens to generate at most
    #[arg(short = 'n', long, default_value_t = 128)]
    tokens: usize,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    sampling: Sampling,
    #[command(flatten)]
    experts: ExpertArgs,
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
    let mut model = if args.experts.asked() {
        LoadedModel::with_experts(context, &args.model, options, compute.activations, &args.experts)?
    } else {
        LoadedModel::fast(context, &args.model, options, compute)?
    };
    let tokens = model.prompt_tokens(&args.prompt)?;
    if tokens.is_empty() {
        bail!("the prompt is empty and the model has no start token; give some text with -p");
    }
    print!("{}", args.prompt);
    stream(context, &mut model, &tokens, &mut sampler, args.tokens)?;
    println!();
    model.experts.finish(context)
}
