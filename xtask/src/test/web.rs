//! `cargo xtask test-web`: page, npm package and unit tests in Chromium.

mod units;

use crate::build::wasm;
use crate::packages::{self, Package};
use crate::web::Server;
use crate::{npm, pibit, sh};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

const TESTS: &str = "crates/pibit-web/tests/browser";

const CHROMIUM: Package = Package { name: "chromium", file: "chromium" };

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Test what was built last instead of building
    #[arg(long)]
    no_build: bool,
    /// Where to write a picture of the page
    #[arg(long, value_name = "FILE")]
    screenshot: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let node = prepare()?;
    let web = if args.no_build { sh::target()?.join("pibit/web") } else { wasm::build()? };
    test(&web, &node, &[], args.screenshot.as_deref())
}

/// Skips the tests where browser or packages are not to be had. The features are those of the pibit to compare with.
pub(crate) fn run_where_possible(features: &[&str]) -> Result<()> {
    match prepare() {
        Ok(node) => test(&wasm::build()?, &node, features, None),
        Err(error) => {
            println!("skipped: tests in Chromium: {error:#}");
            Ok(())
        }
    }
}

/// Installs what the tests need; returns the folder with Node's packages, which lies outside of the clone.
fn prepare() -> Result<PathBuf> {
    wasm::prepare()?;
    packages::install(&[CHROMIUM, units::DRIVER])?;
    npm::install(TESTS, "node")
}

fn test(web: &Path, node: &Path, features: &[&str], screenshot: Option<&Path>) -> Result<()> {
    let pibit = pibit::as_tested(features)?;
    let server = Server::new(web.to_path_buf(), 0)?;
    let address = format!("http://{}", server.address());
    thread::spawn(move || server.run());
    let mut command = Command::new("node");
    command.args(["--test", "--test-concurrency=1"]);
    for name in ["package", "page", "tokens"] {
        command.arg(sh::root().join(TESTS).join(format!("{name}.test.mjs")));
    }
    command.env("PIBIT_WEB", address).env("PIBIT_NODE", node);
    command.env("PIBIT", pibit);
    if let Some(file) = screenshot {
        command.env("SCREENSHOT", file);
    }
    sh::run(&mut command)?;
    units::run()
}
