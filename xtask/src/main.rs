//! `cargo xtask`: everything a developer runs. It knows no context and no training framework: it calls cargo and
//! `pibit`. One file per command.

mod arch;
mod bench;
mod build;
mod demo;
mod fuzz;
mod gates;
mod ladder;
mod markdown;
mod npm;
mod packages;
mod pibit;
mod sh;
mod test;
mod tidy;
mod toolchain;
mod web;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::process::ExitCode;

/// pibit's build tool. Any other command is passed to an optimised `pibit`: `cargo xtask quantize tiny -f piq3 -o a.gguf`.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything CI runs: format, tidy, architecture, lints, tests, instruction sets, docs
    Test(test::Args),
    /// The same as `test`
    Ci(test::Args),
    /// quant-core's unit tests on emulated processors: aarch64 (QEMU), wasm32 (Node.js)
    TestIsa(test::isa::Args),
    /// Tests of all that has unsafe code, with the address sanitizer
    TestAsan,
    /// Hold the acceptance gates that take seconds against their limits
    Gates(gates::Args),
    /// The page, the npm package and unit tests in Chromium
    TestWeb(test::web::Args),
    /// Fuzz every parser and decoder with the address sanitizer
    Fuzz(fuzz::Args),
    /// Check that no context depends on another
    Arch,
    /// Serve the page that `build --target wasm32` made, on this machine
    Web(web::Args),
    /// Build for a target: native, gpu, wasm32 or all
    Build(build::Args),
    /// Quantize a model to every one of our formats, evaluate, print a table and write a report
    Demo(demo::Args),
    /// Quantize a model in growing steps and print what each gains
    Ladder(ladder::Args),
    /// Measure speed: of kernels, or of whole models side by side with llama.cpp
    Bench(bench::Args),
    #[command(external_subcommand)]
    Pibit(Vec<OsString>),
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    match Cli::parse().command {
        Command::Test(args) | Command::Ci(args) => test::run(&args),
        Command::TestIsa(args) => test::isa::run(&args),
        Command::TestAsan => test::asan::run(),
        Command::Gates(args) => gates::run(&args),
        Command::TestWeb(args) => test::web::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Arch => arch::run(),
        Command::Web(args) => web::run(&args),
        Command::Build(args) => build::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Ladder(args) => ladder::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Pibit(args) => pibit::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
