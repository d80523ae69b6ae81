//! The command line. Command and option names are an interface: scripts call them.

use crate::commands;
use crate::context::Context;
use crate::global::Global;
use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};

/// Quantize language models to 2-4 bits, measure what that costs, and run them.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
MODEL is a GGUF file, a Hugging Face folder, `tiny` and `tiny-moe` (embedded) or `smollm2` (after `pibit fetch smollm2`).

Examples:
  pibit run tiny -p 'Ann has 12 pens. Ann buys 7 more. How many pens does Ann have?'
  pibit quantize tiny -f piq3 -o tiny-piq3.gguf
  pibit eval tiny-piq3.gguf --reference tiny --tasks arithmetic --json
  pibit fetch smollm2 && pibit quantize smollm2 -f piq3 --embed q4_0 -o s3.gguf";

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Download a model into the cache and print its path
    Fetch(commands::fetch::Args),
    /// Show what a model is made of
    Inspect(commands::inspect::Args),
    /// Check a file's structure, its hashes and its numbers
    Verify(commands::verify::Args),
    /// List the weight formats
    Formats(commands::formats::Args),
    /// Collect what the linear layers of a model read on texts, for quantization
    Calibrate(commands::calibrate::Args),
    /// Quantize a model
    Quantize(commands::quantize::Args),
    /// Turn a quantized file back into F16 or F32
    Dequantize(commands::dequantize::Args),
    /// Put an adapter's additions into the matrices that it was trained over
    Merge(commands::merge::Args),
    /// Re-encode our formats exactly in formats that other runtimes read
    Export(commands::export::Args),
    /// Measure perplexity, KL divergence from a reference and task accuracy
    Eval(commands::eval::Args),
    /// Compare the weights of a model with those of its quantized version
    Compare(commands::compare::Args),
    /// Continue a text
    Run(commands::run::Args),
    /// Chat with a model
    Chat(commands::chat::Args),
    /// Measure speed
    Bench(commands::bench::Args),
    /// Quantize a model to every one of our formats, evaluate, and write a report
    Demo(commands::demo::Args),
    /// Measure the design's acceptance gates
    Gate(commands::gate::Args),
    /// Mixtures of experts under a memory budget
    Moe(commands::moe::Args),
    /// Measure what the project claims about π
    Study(commands::study::Args),
    /// Train a model to keep its knowledge at few bits (needs feature `train`)
    #[cfg(feature = "train")]
    Qat(commands::qat::Args),
    /// Let a model in use go on learning, in steps that can be taken back (needs feature `train`)
    #[cfg(feature = "train")]
    Adapt(commands::adapt::Args),
    /// Train the embedded model `tiny` (needs feature `train`)
    #[cfg(feature = "train")]
    TrainTiny(commands::train_tiny::Args),
}

impl Cli {
    /// The name of the command that this process was called with.
    pub(crate) fn called() -> Option<String> {
        let matches = Self::command().try_get_matches().ok()?;
        matches.subcommand_name().map(ToOwned::to_owned)
    }
}

impl Command {
    pub(crate) fn run(self, context: &Context) -> Result<()> {
        match self {
            Self::Fetch(args) => commands::fetch::run(context, &args),
            Self::Inspect(args) => commands::inspect::run(context, &args),
            Self::Verify(args) => commands::verify::run(context, &args),
            Self::Formats(args) => commands::formats::run(&args),
            Self::Calibrate(args) => commands::calibrate::run(context, &args),
            Self::Quantize(args) => commands::quantize::run(context, &args),
            Self::Dequantize(args) => commands::dequantize::run(context, &args),
            Self::Merge(args) => commands::merge::run(context, &args),
            Self::Export(args) => commands::export::run(context, &args),
            Self::Eval(args) => commands::eval::run(context, &args),
            Self::Compare(args) => commands::compare::run(context, &args),
            Self::Run(args) => commands::run::run(context, &args),
            Self::Chat(args) => commands::chat::run(context, &args),
            Self::Bench(args) => commands::bench::run(context, &args),
            Self::Demo(args) => commands::demo::run(context, &args),
            Self::Gate(args) => commands::gate::run(context, &args),
            Self::Moe(args) => commands::moe::run(context, &args),
            Self::Study(args) => commands::study::run(context, &args),
            #[cfg(feature = "train")]
            Self::Qat(args) => commands::qat::run(context, &args),
            #[cfg(feature = "train")]
            Self::Adapt(args) => commands::adapt::run(context, &args),
            #[cfg(feature = "train")]
            Self::TrainTiny(args) => commands::train_tiny::run(context, &args),
        }
    }
}
