//! The commands, one per file.

pub(crate) mod bench;
pub(crate) mod chat;
pub(crate) mod compare;
pub(crate) mod demo;
pub(crate) mod dequantize;
pub(crate) mod eval;
pub(crate) mod export;
pub(crate) mod fetch;
pub(crate) mod formats;
pub(crate) mod inspect;
pub(crate) mod quantize;
pub(crate) mod run;
#[cfg(feature = "train")]
pub(crate) mod train_tiny;
pub(crate) mod verify;

use crate::cli::Command;
use crate::context::Context;
use anyhow::Result;

pub(crate) fn run(context: &Context, command: Command) -> Result<()> {
    match command {
        Command::Fetch(args) => fetch::run(context, &args),
        Command::Inspect(args) => inspect::run(context, &args),
        Command::Verify(args) => verify::run(context, &args),
        Command::Formats(args) => formats::run(&args),
        Command::Quantize(args) => quantize::run(context, &args),
        Command::Dequantize(args) => dequantize::run(context, &args),
        Command::Export(args) => export::run(context, &args),
        Command::Eval(args) => eval::run(context, &args),
        Command::Compare(args) => compare::run(context, &args),
        Command::Run(args) => run::run(context, &args),
        Command::Chat(args) => chat::run(context, &args),
        Command::Bench(args) => bench::run(context, &args),
        Command::Demo(args) => demo::run(context, &args),
        #[cfg(feature = "train")]
        Command::TrainTiny(args) => train_tiny::run(context, &args),
    }
}
