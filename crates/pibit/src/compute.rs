//! How a model computes: options of every command that runs one.

use crate::context::Context;
use crate::model_ref::ModelRef;
use anyhow::Result;
use domain_types::TensorSource;
use inference::{KvFormat, KvOptions, LoadOptions};
use quant_core::Activations;

/// Options of `run`, `chat` and `bench`, which want speed.
#[derive(clap::Args, Debug, Clone, Copy)]
pub(crate) struct Compute {
    /// Format of the key–value cache: f32, f16, q8, q4, q2 or k4v2
    #[arg(long, value_name = "FORMAT", default_value_t)]
    pub(crate) kv: KvFormat,
    /// Activations of linear layers: int8 (fast) or f32 (exact)
    #[arg(long, value_name = "TYPE", default_value_t = Activations::Int8)]
    pub(crate) activations: Activations,
    /// Map the model's file instead of reading it into memory: shared with other processes, but slower to decode
    #[arg(long)]
    pub(crate) mmap: bool,
}

impl Default for Compute {
    fn default() -> Self {
        Self { kv: KvFormat::default(), activations: Activations::Int8, mmap: false }
    }
}

impl Compute {
    /// The model, in memory or mapped.
    pub(crate) fn open(self, context: &Context, model: &ModelRef) -> Result<Box<dyn TensorSource>> {
        if self.mmap { model.open(context) } else { model.load(context) }
    }

    /// These options, for loading.
    pub(crate) fn load_options(self) -> LoadOptions {
        LoadOptions::default().with_kv(KvOptions::new(self.kv))
    }
}
