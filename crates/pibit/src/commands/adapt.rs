//! `pibit adapt`: a model in use goes on learning, in steps that can be taken back.

mod fisher;
mod fisher_file;
mod merge;
mod parsed;
mod previous;
mod request;
mod scales;

use crate::context::Context;
use crate::output;
use anyhow::Result;
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(after_help = "\
Three tiers, from often to seldom: an adapter learns from each request; scales move a little towards recent text and are
held back by what they were worth before (EWC); now and then the adapter is merged and everything is rounded again for
recent text. A file that changes in place is kept as FILE.previous, and `undo` goes back to it.

Examples:
  pibit adapt request tiny-piq2.gguf --lora user.gguf --text request.txt
  pibit adapt fisher tiny-piq2.gguf -o fisher.gguf
  pibit adapt scales tiny-piq2.gguf --text recent.txt --fisher fisher.gguf
  pibit adapt merge tiny-piq2.gguf --lora user.gguf --domains math,code
  pibit adapt undo tiny-piq2.gguf")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Tier 1: let an adapter learn from one request; it is made where there is none
    Request(request::Args),
    /// Tier 2: move scales a little towards recent text
    Scales(scales::Args),
    /// Tier 3: merge an adapter, calibrate on recent text and round again
    Merge(merge::Args),
    /// Measure what scales and channels are worth to a model (Fisher information)
    Fisher(fisher::Args),
    /// Go back to what a file was before it was adapted; once more goes forward again
    Undo(Undo),
}

#[derive(clap::Args)]
struct Undo {
    /// File that was adapted
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct UndoReport {
    file: String,
    sha256: String,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    match &args.command {
        Command::Request(args) => request::run(context, args),
        Command::Scales(args) => scales::run(context, args),
        Command::Merge(args) => merge::run(context, args),
        Command::Fisher(args) => fisher::run(context, args),
        Command::Undo(args) => undo(args),
    }
}

fn undo(args: &Undo) -> Result<()> {
    previous::swap(&args.file)?;
    let report =
        UndoReport { file: args.file.display().to_string(), sha256: model_store::sha256_file(&args.file)? };
    if args.json {
        return output::json(&report);
    }
    println!(
        "{} is what it was before; the other state is kept as {}",
        report.file,
        previous::path(&args.file).display()
    );
    Ok(())
}

/// Where a result goes: to `output`, or in place, where what was there is kept.
fn destination(file: &Path, output: Option<&PathBuf>) -> Result<PathBuf> {
    if let Some(output) = output {
        return Ok(output.clone());
    }
    previous::keep(file)?;
    Ok(file.to_owned())
}
