//! `cargo xtask bench`: the Criterion benchmarks.

use crate::sh;
use anyhow::Result;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run only benchmarks whose name contains this
    filter: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut command = sh::cargo(["bench", "--package", "benches"]);
    if let Some(filter) = &args.filter {
        command.args(["--", filter]);
    }
    sh::run(&mut command)
}
