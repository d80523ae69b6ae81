//! `cargo xtask bench`: our kernels on their own, or whole models side by side with llama.cpp.

mod against;
mod cache;
mod kernels;
mod machine;

mod programs;
mod spread;

use anyhow::Result;
use programs::Programs;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run only benchmarks whose name contains this
    #[arg(conflicts_with = "against")]
    filter: Option<String>,
    /// Let each benchmark stop as soon as its figure has settled
    #[arg(long, conflicts_with = "against")]
    quick: bool,
    /// Compare whole models with another program
    #[arg(long, value_name = "PROGRAM")]
    against: Option<Peer>,
    #[command(flatten)]
    comparison: against::Args,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Peer {
    #[value(name = "llama.cpp")]
    LlamaCpp,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let programs = Programs::build()?;
    match args.against {
        None => kernels::run(&programs, args.filter.as_deref(), args.quick),
        Some(Peer::LlamaCpp) => against::run(&programs, &args.comparison),
    }
}
