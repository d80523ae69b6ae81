//! `cargo xtask demo`: pibit's main job, end to end, on one model.

mod ablation;
mod qat;

use crate::{pibit, sh};
use anyhow::Result;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Model: tiny (embedded), smollm2 (fetched on first use), a GGUF file or a Hugging Face folder
    #[arg(long, default_value = "tiny")]
    model: String,
    /// Compare rounding with quantization-aware training on `tiny` instead
    #[arg(long, conflicts_with = "model")]
    qat: bool,
    /// With --qat: what each loss, each surrogate gradient and each start is worth at 2 bits, instead of all formats
    #[arg(long, requires = "qat")]
    ablation: bool,
    /// With --qat: optimizer steps per run
    #[arg(long, default_value_t = 150, requires = "qat")]
    steps: usize,
    /// With --qat: held-out problems per domain
    #[arg(long, default_value_t = 100, requires = "qat")]
    task_samples: usize,
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.ablation {
        return ablation::run(args);
    }
    if args.qat {
        return qat::run(args);
    }
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
