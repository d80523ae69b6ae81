//! G4: instructions that fixed workloads take, counted by Valgrind: the same on a busy machine as on a quiet one.

use super::input::GateInput;
use super::measured::Measured;
use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Name and arguments; `{}` is a file to write.
const WORKLOADS: [(&str, &[&str]); 2] = [
    ("quantize", &["quantize", "tiny", "-f", "piq3", "-o", "{}", "--quiet", "--threads", "1"]),
    ("decode", &["run", "tiny", "-p", "12+7=", "-n", "8", "--threads", "1"]),
];

/// Counts and what they are of: those of another build say nothing.
#[derive(Serialize, Deserialize)]
struct Baseline {
    build: String,
    instructions: BTreeMap<String, u64>,
}

pub(super) fn measure(input: &GateInput) -> Result<Measured> {
    let Some(path) = &input.baseline else {
        return Ok(Measured::absent("give --baseline: counts of an earlier build, written with --record"));
    };
    if Command::new("valgrind").arg("--version").output().is_err() {
        return Ok(Measured::absent("Valgrind is not installed"));
    }
    let baseline: Option<Baseline> = if input.record { None } else { Some(read(path)?) };
    if baseline.as_ref().is_some_and(|baseline| baseline.build != build()) {
        return Ok(Measured::absent("the baseline is of another kind of build: write one with --record"));
    }
    let counted = WORKLOADS.iter().map(|(name, args)| Ok(((*name).to_owned(), count(args)?)));
    let instructions = counted.collect::<Result<BTreeMap<_, _>>>()?;
    let Some(baseline) = baseline else {
        crate::output::json_file(path, &Baseline { build: build(), instructions })?;
        return Ok(Measured::absent(format!("{} is written: nothing to compare yet", path.display())));
    };
    let ratio = |name: &str| {
        let was = baseline.instructions.get(name).map_or(f64::NAN, |&count| count as f64);
        instructions[name] as f64 / was
    };
    let [quantize, decode] = ["quantize", "decode"].map(ratio);
    // Not `f64::max`, which would ignore what is missing.
    let worst = if quantize >= decode || quantize.is_nan() { quantize } else { decode };
    Ok([("quantize_ratio", quantize), ("decode_ratio", decode), ("worst_ratio", worst)].into())
}

fn read(path: &Path) -> Result<Baseline> {
    let text = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no baseline", path.display()))
}

/// Instruction counts depend on the machine's kind and on optimization.
fn build() -> String {
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    format!("{} {} {profile}", std::env::consts::OS, std::env::consts::ARCH)
}

/// Runs this program under callgrind.
fn count(args: &[&str]) -> Result<u64> {
    let folder = tempfile::tempdir().context("could not make a temporary folder")?;
    let output = folder.path().join("out.gguf").display().to_string();
    let program = std::env::current_exe().context("this program has no path")?;
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(args.iter().map(|arg| if *arg == "{}" { output.as_str() } else { arg }))
        .output()
        .context("could not start valgrind")?;
    let text = String::from_utf8_lossy(&run.stderr);
    let collected = text.lines().filter_map(|line| line.split_once("Collected : ")).next_back();
    match collected.and_then(|(_, count)| count.trim().parse().ok()) {
        Some(count) if run.status.success() => Ok(count),
        _ => bail!("valgrind did not count {args:?}: {text}"),
    }
}
