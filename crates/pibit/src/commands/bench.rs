//! `pibit bench`: tokens per second.

use crate::context::Context;
use crate::loaded::LoadedModel;
use crate::model_ref::ModelRef;
use crate::output;
use anyhow::{Result, bail};
use domain_types::{LogitRows, TokenModel};
use serde::Serialize;

#[derive(clap::Args)]
#[command(after_help = "Example: pibit bench smollm2 -p 256 -n 64 --threads 2 --json")]
pub struct Args {
    /// GGUF file, Hugging Face folder, `tiny` or `smollm2`
    model: ModelRef,
    /// Tokens of the prompt
    #[arg(short, long, default_value_t = 256)]
    prompt: usize,
    /// Tokens to decode after it
    #[arg(short = 'n', long, default_value_t = 64)]
    tokens: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
pub(crate) struct Speed {
    model: String,
    threads: usize,
    prompt_tokens: usize,
    decode_tokens: usize,
    pub(crate) prefill_tps: f64,
    pub(crate) decode_tps: f64,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    if args.prompt == 0 || args.tokens == 0 {
        bail!("-p and -n must be at least 1");
    }
    let mut model = LoadedModel::load(context, &args.model, Some(args.prompt + args.tokens))?;
    let speed = measure(context, &args.model, &mut model, args.prompt, args.tokens)?;
    if args.json {
        return output::json(&speed);
    }
    println!("prefill {:.1} tokens/s, decode {:.1} tokens/s", speed.prefill_tps, speed.decode_tps);
    Ok(())
}

/// Times a prompt and then single tokens, after a warm-up of each.
pub(crate) fn measure(
    context: &Context,
    name: &ModelRef,
    model: &mut LoadedModel,
    prompt: usize,
    tokens: usize,
) -> Result<Speed> {
    let network = &mut model.transformer;
    let vocab = network.vocab_size() as u32;
    // Any tokens will do: the work does not depend on which they are.
    let ids: Vec<u32> = (0..prompt as u32).map(|i| i.wrapping_mul(2_654_435_761) % vocab).collect();
    let mut logits = Vec::new();
    network.forward(&ids[..prompt.min(16)], LogitRows::Last, &mut logits)?;
    network.reset();
    let ((), prefill) = context.timed(|| Ok(network.forward(&ids, LogitRows::Last, &mut logits)?))?;
    let ((), decode) = context.timed(|| {
        (0..tokens).try_for_each(|i| {
            Ok(network.forward(&ids[i % prompt..=i % prompt], LogitRows::Last, &mut logits)?)
        })
    })?;
    network.reset();
    Ok(Speed {
        model: name.to_string(),
        threads: rayon::current_num_threads(),
        prompt_tokens: prompt,
        decode_tokens: tokens,
        prefill_tps: prompt as f64 / prefill,
        decode_tps: tokens as f64 / decode,
    })
}
