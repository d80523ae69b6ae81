//! `pibit gate`: the design's acceptance gates.

use crate::context::Context;
use crate::gate::{GateInput, Limits, Name, Outcome, evaluate};
use crate::output;
use anyhow::{Result, bail};
use clap::ValueEnum;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = "\
Without names every gate is evaluated. Exit code 0: none failed, and each that was named passed; 1: otherwise. A gate
whose input is missing is not evaluated, which is no pass. Limits and their reasons: docs/gates.md.

Examples:
  pibit gate
  pibit gate G1 G3 --model smollm2 --text wikitext2.txt --json
  pibit gate G4 --baseline instructions.json --record")]
pub struct Args {
    /// Gates to evaluate
    #[arg(value_enum, ignore_case = true)]
    gates: Vec<Name>,
    #[command(flatten)]
    input: GateInput,
    /// Other limits than the project's own (TOML)
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Gates {
    gates: BTreeMap<&'static str, Outcome>,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let limits = Limits::read(args.limits.as_deref())?;
    let names = if args.gates.is_empty() { Name::value_variants() } else { &args.gates };
    let mut gates = BTreeMap::new();
    for &name in names {
        gates.insert(name.id(), evaluate(context, name, &args.input, &limits));
    }
    let all = Gates { gates };
    if args.json {
        output::json(&all)?;
    } else {
        all.gates.iter().for_each(|(name, outcome)| show(name, outcome));
    }
    let named = !args.gates.is_empty();
    let failed = all.gates.iter().filter(|(_, o)| o.pass == Some(false) || (named && o.pass.is_none()));
    let failed: Vec<&str> = failed.map(|(name, _)| *name).collect();
    if !failed.is_empty() && !args.input.record {
        bail!("not passed: {}", failed.join(", "));
    }
    Ok(())
}

fn show(name: &str, outcome: &Outcome) {
    let word = match outcome.pass {
        Some(true) => "pass",
        Some(false) => "FAIL",
        None => "not evaluated",
    };
    let figures: Vec<String> =
        outcome.figures.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
    println!("{name}: {word}  {}", figures.join(", "));
    for note in &outcome.notes {
        println!("    {note}");
    }
}
