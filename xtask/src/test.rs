//! `cargo xtask test`: the cheapest checks first.

use crate::{arch, sh, tidy};
use anyhow::Result;
use std::time::Instant;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave out everything that compiles the training framework
    #[arg(long)]
    no_train: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    sh::run(&mut sh::cargo(["fmt", "--all", "--check"]))?;
    tidy::run()?;
    arch::run()?;
    clippy(args)?;
    tests(args)?;
    sh::run(sh::cargo(["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    println!("all checks passed in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn clippy(args: &Args) -> Result<()> {
    let mut command = sh::cargo(["clippy", "--workspace", "--all-targets", "--quiet"]);
    command.args(features(args)).args(["--", "-D", "warnings"]);
    sh::run(&mut command)
}

/// Unit, integration and doc tests.
fn tests(args: &Args) -> Result<()> {
    sh::run(sh::cargo(["test", "--workspace", "--quiet"]).args(features(args)))
}

fn features(args: &Args) -> &'static [&'static str] {
    if args.no_train { &[] } else { &["--features", "pibit/train,qat-training/train"] }
}
