//! `pibit moe`: mixtures of experts under a memory budget.

mod simulate;

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
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    match &args.command {
        Command::Simulate(args) => simulate::run(context, args),
    }
}
