//! The `pibit` program: parses the command line, sets up tracing, runs one command.

use clap::Parser;
use pibit::cli::Cli;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: pibit::Allocator = pibit::Allocator;

fn main() -> ExitCode {
    pibit::run(Cli::parse())
}
