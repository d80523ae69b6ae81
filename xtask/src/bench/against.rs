//! `cargo xtask bench --against llama.cpp`: the same work in both programs, in turns.
//!
//! A contest is one file of llama.cpp's and everything of ours that is measured against it. In each round every member
//! runs once, so that whatever disturbs the machine disturbs all of them; medians over the rounds are compared.

mod contest;
mod figures;
mod files;
mod measure;
mod peer;
mod report;

use super::machine::Machine;
use super::programs::Programs;
use crate::markdown;
use anyhow::{Result, bail};
use contest::Contest;
use files::Files;
use measure::Measure;
use peer::LlamaCpp;
use std::path::PathBuf;

#[derive(clap::Args)]
#[group(id = "comparison", multiple = true, requires = "against")]
pub(crate) struct Args {
    /// Folder with llama.cpp's tools [default: $PIBIT_LLAMA_CPP, else built from its Python package]
    #[arg(long, value_name = "DIR")]
    llama_cpp: Option<PathBuf>,
    /// random: random weights, width 2,048; smollm2: as `pibit fetch smollm2` gets it
    #[arg(long, value_enum, default_value = "random")]
    model: Model,
    /// Layers of the random model; 8 are 484 M weights
    #[arg(long, default_value_t = 8)]
    layers: usize,
    /// Numbers of threads to measure with
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    threads: Vec<usize>,
    /// Times that everything is measured
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only these formats of ours
    #[arg(long, value_delimiter = ',', value_name = "FORMATS")]
    only: Vec<String>,
    /// Measure decoding beside a process that keeps one core busy, too
    #[arg(long)]
    busy: bool,
    /// Importance matrix for llama.cpp's I-quants [default: made from a text; for speed any will do]
    #[arg(long, value_name = "FILE")]
    imatrix: Option<PathBuf>,
    /// Use our files of an earlier run even where pibit has been rebuilt since
    #[arg(long)]
    reuse: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "lower")]
pub(super) enum Model {
    Random,
    SmolLm2,
}

pub(super) fn run(programs: &Programs, args: &Args) -> Result<()> {
    if args.rounds == 0 || args.threads.contains(&0) {
        bail!("--rounds and --threads must be at least 1");
    }
    let mut notes = Vec::new();
    let contests = contest::choose(programs, args.model, &args.only, &mut notes)?;
    let llama_cpp = LlamaCpp::find_or_build(args.llama_cpp.as_deref())?;
    let files = Files::new(programs, &llama_cpp, args)?;
    let contests = contests.iter().map(|c| Contest::prepare(c, &files)).collect::<Result<Vec<_>>>()?;
    let machine = Machine::measure(programs)?;
    let mut measure = Measure { programs, llama_cpp: &llama_cpp, busy: args.busy, notes };
    let mut results = Vec::new();
    for contest in contests {
        for &threads in &args.threads {
            results.push(measure.contest(&contest, threads, args.rounds)?);
        }
    }
    let text = report::markdown(&machine, &results, args, &measure.notes);
    print!("{text}");
    markdown::save("against-llama.cpp.md", &text)?;
    let json = report::json(&machine, &results, &measure.notes);
    markdown::save("against-llama.cpp.json", &serde_json::to_string_pretty(&json)?)
}
