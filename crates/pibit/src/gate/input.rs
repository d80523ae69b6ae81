//! What gates are measured on.

use crate::model_ref::ModelRef;
use std::path::PathBuf;

/// A gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Name {
    /// PiQ3 beats absmax Q3
    G1,
    /// Quantization-aware training converges within memory
    G2,
    /// PiQ2 with incoherence is viable
    G3,
    /// No workload needs more instructions than before
    G4,
    /// Checksums find faults, unsafe code is explained
    G5,
    /// The WebAssembly module is valid and small
    G6,
}

impl Name {
    /// As scripts know it.
    pub(crate) fn id(self) -> &'static str {
        ["G1", "G2", "G3", "G4", "G5", "G6"][self as usize]
    }
}

/// Files and folders that gates read.
#[derive(clap::Args)]
pub(crate) struct GateInput {
    /// Model of G1, G3 and G5
    #[arg(long, default_value = "tiny")]
    pub(crate) model: ModelRef,
    /// G3 and G5: this file instead of the model quantized to PiQ2
    #[arg(long, value_name = "FILE")]
    pub(crate) quantized: Option<PathBuf>,
    /// G3: text to evaluate on; held-out text of the built-in corpus where not given
    #[arg(long, value_name = "FILE")]
    pub(crate) text: Option<PathBuf>,
    /// G3: chunks of 256 tokens to evaluate
    #[arg(long, default_value_t = 10)]
    pub(crate) chunks: usize,
    /// G2: events of a training run, a JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(crate) qat_log: Option<PathBuf>,
    /// G4: instruction counts to compare with
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// G4: write the counts of this build to --baseline instead of comparing
    #[arg(long, requires = "baseline")]
    pub(crate) record: bool,
    /// G5: folder of Rust sources
    #[arg(long, value_name = "FOLDER")]
    pub(crate) sources: Option<PathBuf>,
    /// G6: the module that `cargo xtask build --target wasm32` made
    #[arg(long, value_name = "FILE")]
    pub(crate) wasm: Option<PathBuf>,
}
