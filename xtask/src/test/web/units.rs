//! Unit tests that a browser is to run: `wasm-bindgen-test` in headless Chromium, driven by ChromeDriver.

use crate::build::wasm::{JS, TARGET};
use crate::packages::Package;
use crate::sh;
use crate::toolchain::{Toolchain, wasm_flags};
use anyhow::Result;
use std::process::Command;

pub(super) const DRIVER: Package = Package { name: "chromium-driver", file: "chromedriver" };

/// Instructions, and whose library is tested with them: what pibit-web calls in JavaScript does not depend on them.
const SUITES: [(&str, &[&str]); 2] = [
    ("+simd128", &["--package", "quant-core", "--package", "pibit-web", "--features", "pibit-web/model"]),
    ("+simd128,+relaxed-simd", &["--package", "quant-core"]),
];

pub(super) fn run() -> Result<()> {
    sh::run(&mut sh::cargo(["build", "--quiet", "--profile", sh::TOOLS, "--package", "wasm-test-runner"]))?;
    SUITES.iter().try_for_each(|(instructions, args)| sh::run(&mut suite(instructions, args)?))
}

fn suite(instructions: &str, args: &[&str]) -> Result<Command> {
    let toolchain = Toolchain::of(TARGET);
    let runner = sh::target()?.join(sh::TOOLS).join("wasm-test-runner");
    // The package's JavaScript is what the module imports.
    let runner = serde_json::to_string(&[runner, sh::root().join(JS)])?;
    let mut command = toolchain.cargo("test", "std,panic_abort");
    command
        .args(["--lib", "--no-default-features", "--target", TARGET])
        .args(args)
        .args(["--config", &format!("target.{TARGET}.runner={runner}")])
        .env("RUSTFLAGS", wasm_flags(toolchain, instructions))
        // Models live in workers.
        .env("WASM_BINDGEN_USE_DEDICATED_WORKER", "1")
        .env("WASM_BINDGEN_TEST_TIMEOUT", "600");
    Ok(command)
}
