//! `cargo xtask gates`: the acceptance gates that take seconds, on the embedded model.

use crate::{pibit, sh};
use anyhow::Result;
use std::process::Command;

/// Instruction counts that gate G4 compares with. They are of the build that the tests use.
const BASELINE: &str = "crates/pibit/instructions.json";
/// What the WebAssembly build makes, in the target folder, for gate G6.
const WASM: &str = "pibit/web/pibit/wasm/simd128/pibit_bg.wasm";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the instruction counts of this build to the baseline, after a change that is meant to cost them
    #[arg(long)]
    record: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    check(&["--features", "pibit/train,qat-training/train"], args.record)
}

/// Fails where a gate fails. Gates whose input is not there (a module, a log of training) are not evaluated.
pub(crate) fn check(features: &[&str], record: bool) -> Result<()> {
    let mut command = Command::new(pibit::as_tested(features)?);
    command.current_dir(sh::root()).args(["gate", "--baseline", BASELINE, "--quiet"]);
    if record {
        return sh::run(command.args(["G4", "--record"]));
    }
    let wasm = sh::target()?.join(WASM);
    if wasm.exists() {
        command.arg("--wasm").arg(wasm);
    }
    sh::run(&mut command)
}
