//! `pibit moe`: mixtures of experts under a memory budget.

mod precision;
mod simulate;
mod subject;

use crate::context::Context;
use anyhow::Result;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Compare ways to route and to evict on a trace of router logits
    Simulate(simulate::Args),
    /// Choose a format for each expert by how often it is used, within a budget
    Precision(precision::Args),
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    match &args.command {
        Command::Simulate(args) => simulate::run(context, args),
        Command::Precision(args) => precision::run(context, args),
    }
}
