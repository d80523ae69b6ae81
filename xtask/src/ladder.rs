//! `cargo xtask ladder`: what each step of quantization gains, one after the other, on one model.

use crate::markdown::{Table, number, save};
use crate::{pibit, sh};
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Model: tiny (embedded), smollm2 (fetched on first use), a GGUF file or a Hugging Face folder
    #[arg(long, default_value = "smollm2")]
    model: String,
    /// Text to calibrate on; domains of the built-in corpus where not given
    #[arg(long, value_name = "FILE")]
    calibrate: Option<PathBuf>,
    /// Text to evaluate on; held-out text of the built-in corpus where not given
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Bits of the linear layers: 2 or 3
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..=3))]
    bits: u8,
    /// Size of the file that an allocation makes
    #[arg(long, default_value = "46MB")]
    budget: String,
    /// Chunks of 512 tokens to calibrate on
    #[arg(long, default_value_t = 48)]
    samples: usize,
    /// Chunks of 512 tokens to evaluate on
    #[arg(long, default_value_t = 20)]
    chunks: usize,
}

/// A step: what it adds, and how pibit quantizes with it and all before it.
struct Rung {
    adds: &'static str,
    options: Vec<String>,
    calibrated: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.model == "smollm2" {
        sh::run(pibit::command(&[]).args(["fetch", "smollm2"]))?;
    }
    let folder = sh::root().join("target/pibit/ladder");
    std::fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
    let (calibration, file) = (folder.join("calibration.gguf"), folder.join("rung.gguf"));
    calibrate(args, &calibration)?;
    let mut table = Table::new(&["step", "MB", "perplexity", "KL divergence", "seconds"]);
    for rung in rungs(args) {
        let mut command = pibit::command(&[]);
        command.args(["quantize", &args.model, "--json"]).args(&rung.options).arg("-o").arg(&file);
        if rung.calibrated {
            command.arg("--calib").arg(&calibration);
        }
        let made = json(&mut command)?;
        let found = evaluate(args, &file)?;
        let figure = |report: &Value, name: &str| report[name].as_f64().with_context(|| format!("no {name}"));
        table.push(&[
            rung.adds.to_owned(),
            number(figure(&made, "bytes")? / 1e6),
            number(figure(&found, "ppl")?),
            format!("{:.3}", figure(&found, "kld_mean")?),
            number(figure(&made, "seconds")?),
        ]);
        eprint!("{table}");
    }
    print!("{table}");
    save("ladder.md", &table.to_string())
}

/// The steps. Until bytes are allocated the embedding is Q8_0 and every layer has the same format, so that a line differs
/// from the one before in one thing.
fn rungs(args: &Args) -> Vec<Rung> {
    let (grid, trellis) = (format!("uq{}", args.bits), if args.bits == 2 { "t2_l12" } else { "t3_l10" });
    let rung = |adds, format, more: &[&str], calibrated| {
        let options = [&["-f", format, "--embed", "q8_0"], more].concat();
        Rung { adds, options: options.into_iter().map(ToOwned::to_owned).collect(), calibrated }
    };
    let of_budget = |adds, method: &str| {
        let options = ["--budget", &args.budget, "--rounding", method].map(ToOwned::to_owned).to_vec();
        Rung { adds, options, calibrated: true }
    };
    vec![
        rung("rounding to nearest", &*grid, &[], false),
        rung("+ rotation", &grid, &["--rotate"], false),
        rung("+ LDLQ", &grid, &["--rotate", "--prefix", "original"], true),
        rung("+ trellis", trellis, &["--rotate", "--prefix", "original"], true),
        rung("+ sequential, compensated", trellis, &["--rotate"], true),
        of_budget("+ allocation, embedding too", "ldlq"),
        of_budget("+ refinement", "ldlq+refine"),
    ]
}

fn calibrate(args: &Args, output: &Path) -> Result<()> {
    let mut command = pibit::command(&[]);
    command.args(["calibrate", &args.model, "--samples", &args.samples.to_string()]);
    match &args.calibrate {
        Some(text) => command.arg("--text").arg(absolute(text)?),
        None => command.args(["--domains", "math,code,language,reasoning,tool-use", "--ctx", "256"]),
    };
    sh::run(command.arg("-o").arg(output))
}

fn evaluate(args: &Args, file: &Path) -> Result<Value> {
    let mut command = pibit::command(&[]);
    command.arg("eval").arg(file).args(["--reference", &args.model, "--json"]);
    match &args.text {
        Some(text) => command.arg("--text").arg(absolute(text)?).args(["--ctx", "512"]),
        None => command.args(["--corpus", "--ctx", "256"]),
    };
    json(command.args(["--chunks", &args.chunks.to_string()]))
}

fn json(command: &mut std::process::Command) -> Result<Value> {
    serde_json::from_str(&sh::output(command)?).context("pibit did not print JSON")
}

/// pibit runs in the workspace's folder.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))
}
