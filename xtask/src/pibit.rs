//! Building and calling pibit.

use crate::sh;
use anyhow::{Result, bail};
use std::env::consts::EXE_SUFFIX;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// Builds an optimised pibit with these features and returns a command that starts it.
///
/// Started through `cargo run`, so that cargo decides where the binary lies.
pub(crate) fn command(features: &[&str]) -> Command {
    let mut command = sh::cargo(["run", "--release", "--quiet", "--package", "pibit"]);
    if !features.is_empty() {
        command.args(["--features", &features.join(",")]);
    }
    command.arg("--");
    command
}

/// The program that `cargo test --workspace` calls, built where it is not.
///
/// With `cargo run`, dependencies would have other features (a test of model-store's changes serde_json), and the training
/// framework would be compiled twice.
pub(crate) fn as_tested(features: &[&str]) -> Result<PathBuf> {
    let mut command = sh::cargo(["test", "--workspace", "--quiet", "--test", "cli", "--no-run"]);
    sh::run(command.args(features))?;
    Ok(sh::target()?.join("debug").join(format!("pibit{EXE_SUFFIX}")))
}

/// Commands that need the training framework.
const TRAIN: [&str; 3] = ["adapt", "qat", "train-tiny"];

/// `cargo xtask COMMAND …`: passes everything on. Relative paths are the caller's, so pibit runs in their folder.
pub(crate) fn run(args: &[OsString]) -> Result<()> {
    let name = args.first().and_then(|name| name.to_str()).unwrap_or_default();
    if !is_command(name) {
        bail!(
            "neither xtask nor pibit has a command {name:?}; `cargo xtask --help` and `pibit --help` list them"
        );
    }
    let mut command = command(if TRAIN.contains(&name) { &["train"] } else { &[] });
    command.args(args).current_dir(std::env::current_dir()?);
    sh::run(&mut command)
}

/// Whether pibit has a file for a command of this name: to know that before minutes of building.
fn is_command(name: &str) -> bool {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let file = format!("crates/pibit/src/commands/{}.rs", name.replace('-', "_"));
    plain && sh::root().join(file).is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_pibit_are_known_before_it_is_built() {
        assert!(TRAIN.into_iter().all(is_command));
        assert!(is_command("run"));
        for other in ["tests", "", "--version", "commands/run", "Run", "../commands/run"] {
            assert!(!is_command(other), "{other}");
        }
    }
}
