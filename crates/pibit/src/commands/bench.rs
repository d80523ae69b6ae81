//! `pibit bench`: tokens per second.

mod measure;
mod spread;

pub(crate) use measure::{Workload, measure};

use crate::compute::Compute;
use crate::context::Context;
use crate::loaded::LoadedModel;
use crate::model_ref::ModelRef;
use crate::output;
use anyhow::{Result, bail};
use measure::{Speed, TokenSpeed};

#[derive(clap::Args)]
#[command(after_help = "\
Prompts and tokens are timed separately, each from an empty context and after a warm-up, as llama-bench does.

Examples:
  pibit bench smollm2 -p 256 -n 64 --threads 2 --json
  pibit bench smollm2 -p 64,256 -n 0 -r 5")]
pub struct Args {
    /// GGUF file, Hugging Face folder, `tiny` or `smollm2`
    model: ModelRef,
    /// Tokens of the prompt; several lengths with commas, 0 for none
    #[arg(short, long, default_value = "256", value_delimiter = ',', value_name = "TOKENS")]
    prompt: Vec<usize>,
    /// Tokens to decode one by one, 0 for none
    #[arg(short = 'n', long, default_value_t = 64)]
    tokens: usize,
    /// Times that each measurement is repeated; the median counts
    #[arg(short, long, default_value_t = 3)]
    repetitions: usize,
    #[command(flatten)]
    compute: Compute,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let prompts: Vec<usize> = args.prompt.iter().copied().filter(|&p| p > 0).collect();
    let work = Workload { prompts, tokens: args.tokens, repetitions: args.repetitions };
    let Some(longest) = work.longest() else { bail!("-p and -n are both 0: nothing to measure") };
    if args.repetitions == 0 {
        bail!("-r must be at least 1");
    }
    let options = args.compute.load_options().with_context_length(longest);
    let mut model = LoadedModel::fast(context, &args.model, options, args.compute)?;
    let speed = measure(context, &args.model, &mut model, &work)?;
    if args.json {
        return output::json(&speed);
    }
    show(&speed);
    Ok(())
}

fn show(speed: &Speed) {
    let line = |what: &str, s: &TokenSpeed| {
        let range = format!("{:.1} to {:.1}", s.spread.min, s.spread.max);
        println!("{what} {:>4} tokens: {:.1} tokens/s ({range})", s.tokens, s.spread.median);
    };
    speed.prefill.iter().for_each(|s| line("prefill", s));
    speed.decode.iter().for_each(|s| line("decode ", s));
    let read = output::bytes(speed.weight_bytes as u64);
    println!("{} threads, {read} of weights read for each decoded token", speed.threads);
}
