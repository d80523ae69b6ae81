#![doc = include_str!("../README.md")]

// First: its macros stand in for the standard ones.
#[macro_use]
mod output;

mod adapter;
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
mod frequent;
mod gate;
mod generation;
mod global;
mod interrupt;
mod loaded;
mod memory;
mod model_ref;
mod nearest;
mod page;
mod plain;
mod progress;
mod quantize;
mod resume;
mod rewrite;
mod rotate;
mod runnable;
mod stage;
mod study;
mod threads;
mod verification;

pub use global::Global;
pub use memory::Allocator;
pub use model_ref::ModelRef;
pub use stage::{STAGES, StageInfo};

use cli::Cli;
use context::Context;
use std::process::ExitCode;

/// Runs one command. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 bad input, 130 interrupted.
pub fn run(cli: Cli) -> ExitCode {
    match execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}

fn execute(cli: Cli) -> anyhow::Result<()> {
    memory::respect_limits();
    threads::end_where_none_starts();
    threads::leave_room_for(1)?;
    interrupt::handle()?;
    // The span must end before the context does: that sends the trace.
    let context = Context::new(&cli.global)?;
    let span = stage::command(&Cli::called().unwrap_or_default());
    span.in_scope(|| cli.command.run(&context))?;
    output::finish()
}
