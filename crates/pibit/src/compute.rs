//! How a model computes: options of every command that runs one.

use inference::{KvFormat, KvOptions, LoadOptions};
use quant_core::Activations;

/// Options of `run`, `chat` and `bench`, which want speed.
#[derive(clap::Args, Debug, Clone, Copy)]
pub(crate) struct Compute {
    /// Format of the key–value cache: f16, q8, q4, q2 or k4v2
    #[arg(long, value_name = "FORMAT", default_value_t)]
    pub(crate) kv: KvFormat,
    /// Activations of linear layers: int8 (fast) or f32 (exact)
    #[arg(long, value_name = "TYPE", default_value_t = Activations::Int8)]
    pub(crate) activations: Activations,
}

impl Compute {
    /// These options, for loading.
    pub(crate) fn load_options(self) -> LoadOptions {
        LoadOptions::default().with_kv(KvOptions::new(self.kv))
    }
}
