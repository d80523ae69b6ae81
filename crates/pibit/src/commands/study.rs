//! `pibit study`: experiments whose tables the documentation quotes.

use crate::context::Context;
use crate::evaluation::Text;
use crate::model_ref::ModelRef;
use crate::output;
use crate::study::{Divergence, Study, html, markdown, text};
use anyhow::Result;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    study: Which,
}

#[derive(clap::Subcommand)]
enum Which {
    /// What a step of α·π/k is worth, against other constants, grids and codes
    Pi(Pi),
}

#[derive(clap::Args)]
#[command(after_help = "\
Weights are Gaussian, Laplace, Student-t(5) and those of a model. Definitions and a discussion: docs/pi-study.md.

Examples:
  pibit study pi --quick
  pibit study pi --model smollm2 --eval --text wikitext2.txt --markdown -o pi.html")]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
struct Pi {
    /// GGUF file, Hugging Face folder, `tiny` or `smollm2`
    #[arg(long, default_value = "tiny")]
    model: ModelRef,
    /// Layers of the model to measure, evenly spaced from the first to the last
    #[arg(long, default_value_t = 5)]
    layers: usize,
    /// Measure one layer and small synthetic matrices
    #[arg(long)]
    quick: bool,
    /// Add the KL divergence of the quantized model from the original
    #[arg(long)]
    eval: bool,
    /// Text for --eval; held-out text of the built-in corpus where not given
    #[arg(long, value_name = "FILE", requires = "eval")]
    text: Option<PathBuf>,
    /// Tokens per chunk for --eval
    #[arg(long, default_value_t = 256)]
    ctx: usize,
    /// Chunks for --eval
    #[arg(long, default_value_t = 4)]
    chunks: usize,
    /// Write an HTML report
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    match &args.study {
        Which::Pi(args) => pi(context, args),
    }
}

fn pi(context: &Context, args: &Pi) -> Result<()> {
    let words = args.text.as_deref().map_or_else(|| Ok(Text::held_out_corpus()), Text::read)?;
    let divergence = args.eval.then_some(Divergence { text: &words, ctx: args.ctx, chunks: args.chunks });
    let (layers, side) = if args.quick { (1, 256) } else { (args.layers, 1024) };
    let result = Study { context, model: &args.model, layers, side, divergence }.run()?;
    if let Some(path) = &args.output {
        html(&result)?.write(path)?;
    }
    if args.json {
        return output::json(&result);
    }
    print!("{}", if args.markdown { markdown(&result)? } else { text(&result)? });
    Ok(())
}
