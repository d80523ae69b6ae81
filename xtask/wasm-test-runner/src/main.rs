//! `wasm-test-runner FOLDER MODULE …`: what cargo calls to run a test program of `wasm-bindgen-test`.
//!
//! Files in `FOLDER` are served to the tests beside the module. Otherwise it is the command
//! `wasm-bindgen-test-runner`, as a workspace member for the same reason as `wasm-glue`.

use anyhow::{Context, Result, bail};
use std::env;
use wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args;

fn main() -> Result<()> {
    let mut args = env::args_os();
    let (Some(program), Some(folder)) = (args.next(), args.next()) else {
        bail!("two arguments: the folder with what tests import, the test program");
    };
    env::set_current_dir(&folder).with_context(|| folder.display().to_string())?;
    run_cli_with_args([program].into_iter().chain(args))
}
