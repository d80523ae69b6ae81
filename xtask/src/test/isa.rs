//! `cargo xtask test-isa`: quant-core's unit tests on instruction sets of other processors, emulated.

mod aarch64;
mod wasm32;

use crate::packages::{self, Package};
use crate::sh;
use crate::toolchain::Toolchain;
use anyhow::{Context, Result};
use std::process::Command;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Whose instructions
    #[arg(long, value_enum, default_value = "all")]
    target: Target,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Target {
    Aarch64,
    Wasm32,
    All,
}

/// The tests on one target.
struct Battery {
    triple: &'static str,
    toolchain: Toolchain,
    packages: Vec<Package>,
    /// Cargo's arguments.
    args: Vec<String>,
    runs: Vec<Run>,
}

/// One set of instructions on a target.
struct Run {
    /// As `PIBIT_ISA` calls it; a test fails where it is not found.
    isa: &'static str,
    rustflags: String,
    /// The program that runs programs of the target, with its arguments.
    runner: Vec<String>,
}

/// Fails where something is missing, and says what.
pub(crate) fn run(args: &Args) -> Result<()> {
    for battery in batteries(args.target) {
        packages::require(&battery.packages).with_context(|| battery.needs())?;
        battery.test()?;
    }
    Ok(())
}

/// Installs what is missing; skips targets where that is impossible.
pub(crate) fn run_where_possible() -> Result<()> {
    for battery in batteries(Target::All) {
        match packages::install(&battery.packages) {
            Ok(()) => battery.test()?,
            Err(error) => println!("skipped: {}: {error:#}", battery.needs()),
        }
    }
    Ok(())
}

fn batteries(target: Target) -> Vec<Battery> {
    let wants = |one| target == one || target == Target::All;
    let aarch64 = wants(Target::Aarch64).then(aarch64::battery);
    aarch64.into_iter().chain(wants(Target::Wasm32).then(wasm32::battery)).collect()
}

impl Battery {
    fn needs(&self) -> String {
        format!(
            "tests for {0} need these packages (and `rustup target add {0}` or Debian's Rust)",
            self.triple
        )
    }

    fn test(&self) -> Result<()> {
        for run in &self.runs {
            sh::run(&mut self.command(run)?)?;
        }
        Ok(())
    }

    fn command(&self, run: &Run) -> Result<Command> {
        let mut command = self.toolchain.cargo("test", "std,panic_abort");
        let runner = format!("target.{}.runner={}", self.triple, serde_json::to_string(&run.runner)?);
        command
            .args(["--package", "quant-core", "--lib", "--quiet", "--target", self.triple])
            .args(&self.args)
            .args(["--config", &runner])
            .env("RUSTFLAGS", &run.rustflags)
            .env("PIBIT_ISA", run.isa);
        Ok(command)
    }
}
