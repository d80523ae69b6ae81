//! Building and calling pibit.

use crate::sh;
use anyhow::Result;
use std::ffi::OsString;
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

/// `cargo xtask COMMAND …`: passes everything on. Relative paths are the caller's, so pibit runs in their folder.
pub(crate) fn run(args: &[OsString]) -> Result<()> {
    let train = args.first().is_some_and(|a| a == "train-tiny" || a == "qat");
    let mut command = command(if train { &["train"] } else { &[] });
    command.args(args).current_dir(std::env::current_dir()?);
    sh::run(&mut command)
}
