//! `cargo xtask test-asan`: tests of all that has unsafe code (kernels of every instruction set, mapped files) with the address
//! sanitizer, which sees a read or write beyond what was allocated.

use crate::sh;
use anyhow::{Context, Result};
use std::process::Command;

/// The contexts that have any. `pibit`'s is an allocator of its own, in whose place the sanitizer's is.
const PACKAGES: [&str; 3] = ["quant-core", "model-store", "inference"];

pub(crate) fn run() -> Result<()> {
    // Named, so that what the compiler itself runs is compiled as usual.
    let host = host()?;
    let mut command = sh::cargo(["test", "--quiet", "--lib", "--tests", "--target", &host, "--target-dir"]);
    command.arg(sh::target()?.join("pibit/asan"));
    for package in PACKAGES {
        command.args(["--package", package]);
    }
    // The sanitizer is unstable; the stable compiler has it, too, and is told to allow it. Build scripts run again where
    // they see that, and all that comes after them is compiled again: hence the folder of its own.
    sh::run(command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address"))
}

/// The target that this compiler makes programs for where none is named.
fn host() -> Result<String> {
    let version = sh::output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc -vV names no host")
}
