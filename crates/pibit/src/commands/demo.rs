//! `pibit demo`: every format of ours on one model, in a table and a report.

use crate::context::Context;
use crate::demo::{Demo, Row};
use crate::model_ref::ModelRef;
use crate::output;
use anyhow::Result;
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  pibit demo tiny --output target/pibit
  pibit demo smollm2 --text wikitext2.txt --ctx 512")]
pub struct Args {
    /// GGUF file, Hugging Face folder, `tiny` or `smollm2`
    #[arg(default_value = "tiny")]
    model: ModelRef,
    /// Folder for report.html and the quantized files
    #[arg(short, long, default_value = "pibit-demo")]
    output: PathBuf,
    /// Text to evaluate on; held-out text of the built-in corpus where not given
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Tokens per chunk: few, so that a small text makes many
    #[arg(long, default_value_t = 256)]
    ctx: usize,
    /// Chunks to evaluate
    #[arg(long, default_value_t = 20)]
    chunks: usize,
    /// Problems per task
    #[arg(long, default_value_t = 50)]
    task_samples: usize,
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Summary<'a> {
    report: String,
    rows: &'a [Row],
    sample: &'a str,
    seconds: f64,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let demo = Demo {
        context,
        model: &args.model,
        output: &args.output,
        text: args.text.as_deref(),
        ctx: args.ctx,
        chunks: args.chunks,
        task_samples: args.task_samples,
    };
    let (result, seconds) = context.timed(|| demo.run())?;
    if args.json {
        let report = result.report.display().to_string();
        return output::json(&Summary { report, rows: &result.rows, sample: &result.sample, seconds });
    }
    print!("{}", result.table);
    println!("\nsample ({}):\n{}", result.sample_format, result.sample);
    println!("\nreport: {} ({seconds:.0} s)", result.report.display());
    Ok(())
}
