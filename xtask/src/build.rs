//! `cargo xtask build --target …`.

pub(crate) mod wasm;

use crate::sh;
use anyhow::Result;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to build for
    #[arg(long, value_enum, default_value = "native")]
    target: Target,
    /// Build unoptimised; what a browser fetches is always optimised
    #[arg(long)]
    debug: bool,
    /// Build optimised, as is usual
    #[arg(long, conflicts_with = "debug")]
    release: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Target {
    Native,
    Gpu,
    Wasm32,
    All,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let wants = |target| args.target == target || args.target == Target::All;
    let profile: &[&str] = if args.debug { &[] } else { &["--release"] };
    if wants(Target::Native) {
        sh::run(sh::cargo(["build", "--package", "pibit"]).args(profile))?;
    }
    if wants(Target::Gpu) {
        sh::run(sh::cargo(["build", "--package", "pibit", "--features", "gpu"]).args(profile))?;
    }
    if wants(Target::Wasm32) {
        wasm::build()?;
    }
    Ok(())
}
