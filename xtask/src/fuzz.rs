//! `cargo xtask fuzz`: libFuzzer with the address sanitizer over every parser and decoder, by cargo-fuzz.
//!
//! The sanitizer is unstable, so cargo-fuzz asks for a nightly compiler; the stable one has it, too, and is told to allow
//! it.

use crate::sh;
use anyhow::{Context, Result, bail};
use std::process::Command;

/// Crate, target, and where sound input lies that the fuzzer starts from (in the crate).
const TARGETS: [(&str, &str, &str); 6] = [
    ("model-store", "gguf", "fuzz/seeds/gguf"),
    ("model-store", "safetensors", "fuzz/seeds/safetensors"),
    ("model-store", "tokenizer_json", "fuzz/seeds/tokenizer_json"),
    ("model-store", "model_config", "fuzz/seeds/model_config"),
    ("quant-core", "decoders", "fuzz/seeds/decoders"),
    ("moe-routing", "trace", "fuzz/seeds/trace"),
];

/// Bytes of an input at most: parsers are the same for long ones, which take as much longer.
const MOST_BYTES: &str = "-max_len=4096";
/// Megabytes at most: what a small input makes us allocate is a finding, too.
const MOST_MEMORY: &str = "-rss_limit_mb=1024";
/// Caches that grow look like leaks, and each time all memory would be searched: half of the time of `gguf`.
const NO_LEAK_SEARCH: &str = "-detect_leaks=0";
/// The address sanitizer notes who allocated: so many callers say enough. That no pointer outlives its frame is the
/// compiler's to prove here; keeping frames on the heap to check it takes a third of the time.
const SANITIZER: (&str, &str) = ("ASAN_OPTIONS", "malloc_context_size=4:detect_stack_use_after_return=0");

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Executions of each target, however long they take
    #[arg(long, conflicts_with = "seconds")]
    executions: Option<u64>,
    /// Targets; all where none is named
    targets: Vec<String>,
}

impl Args {
    /// When a target ends, for libFuzzer.
    fn end(&self) -> String {
        match self.executions {
            Some(executions) => format!("-runs={executions}"),
            None => format!("-max_total_time={}", self.seconds),
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if !is_installed() {
        bail!("cargo-fuzz is not installed: cargo install cargo-fuzz");
    }
    let known = |name: &String| TARGETS.iter().any(|(_, target, _)| target == name);
    if let Some(unknown) = args.targets.iter().find(|name| !known(name)) {
        let names: Vec<&str> = TARGETS.iter().map(|(_, target, _)| *target).collect();
        bail!("no target {unknown}; there are {}", names.join(", "));
    }
    for (package, target, seeds) in TARGETS {
        if args.targets.is_empty() || args.targets.iter().any(|name| name == target) {
            fuzz(package, target, seeds, &args.end())?;
        }
    }
    Ok(())
}

/// A minute for each target, where a nightly compiler and cargo-fuzz are installed.
pub(crate) fn run_where_possible() -> Result<()> {
    let toolchains = sh::output(Command::new("rustup").args(["toolchain", "list"])).unwrap_or_default();
    if !toolchains.contains("nightly") || !is_installed() {
        println!(
            "fuzzing is skipped: it needs a nightly toolchain and cargo-fuzz; `cargo xtask fuzz` needs the second"
        );
        return Ok(());
    }
    run(&Args { seconds: 60, executions: None, targets: Vec::new() })
}

fn is_installed() -> bool {
    sh::output(&mut sh::cargo(["fuzz", "--version"])).is_ok()
}

fn fuzz(package: &str, target: &str, seeds: &str, end: &str) -> Result<()> {
    let krate = sh::root().join("crates").join(package);
    let folder = krate.join("fuzz");
    // What the fuzzer finds worth keeping is not committed.
    let corpus = folder.join("corpus").join(target);
    std::fs::create_dir_all(&corpus).with_context(|| format!("could not make {}", corpus.display()))?;
    // Looking at every comparison of numbers costs a third to half of the executions; those of strings are seen anyway.
    let mut command = sh::cargo(["fuzz", "run", "--no-trace-compares", "--fuzz-dir"]);
    command.current_dir(&krate).env("RUSTC_BOOTSTRAP", "1").env(SANITIZER.0, SANITIZER.1).arg(&folder);
    // Of its own: build scripts that see RUSTC_BOOTSTRAP run again, and all that comes after them is compiled again.
    command.arg("--target-dir").arg(sh::target()?.join("pibit/fuzz"));
    command.arg(target).arg(&corpus).arg(krate.join(seeds));
    command.args(["--", MOST_BYTES, MOST_MEMORY, NO_LEAK_SEARCH, "-print_final_stats=1", end]);
    sh::run(&mut command)
}
