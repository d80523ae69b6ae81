#![doc = include_str!("../README.md")]

mod calibration;
pub mod cli;
mod commands;
mod compute;
mod context;
mod demo;
mod evaluation;
mod exit;
mod experts;
mod floats;
mod global;
mod loaded;
mod model_ref;
mod output;
mod progress;
mod quantize;
mod rewrite;
mod rotate;
mod study;

pub use global::Global;
pub use model_ref::ModelRef;

use cli::Cli;
use context::Context;
use std::process::ExitCode;

/// Runs one command. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 bad input.
pub fn run(cli: Cli) -> ExitCode {
    let result = Context::new(&cli.global).and_then(|context| cli.command.run(&context));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}
