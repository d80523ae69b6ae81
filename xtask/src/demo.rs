//! `cargo xtask demo`: pibit's main job, end to end, on one model.

use crate::{pibit, sh};
use anyhow::Result;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Model: tiny (embedded), smollm2 (fetched on first use), a GGUF file or a Hugging Face folder
    #[arg(long, default_value = "tiny")]
    model: String,
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.model == "smollm2" {
        sh::run(pibit::command(&[]).args(["fetch", "smollm2"]))?;
    }
    let report = sh::root().join("target/pibit");
    let mut command = pibit::command(&[]);
    command.args(["demo", &args.model, "--output"]).arg(report);
    if args.json {
        command.arg("--json");
    }
    sh::run(&mut command)
}
