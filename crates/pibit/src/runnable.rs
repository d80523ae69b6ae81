//! Whether this program can run a model: what cannot run is not written.

use crate::context::Context;
use anyhow::{Context as _, Result};
use domain_types::TensorSource;
use inference::Transformer;
use serde::Serialize;

/// The answer, and what speaks against it.
#[derive(Debug, Serialize)]
pub(crate) struct Runnable {
    pub(crate) ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

impl Runnable {
    /// Builds tokenizer and network, the latter without weights.
    pub(crate) fn of(context: &Context, source: &dyn TensorSource) -> Self {
        let reason = check(context, source).err().map(|error| format!("{error:#}"));
        Self { ok: reason.is_none(), reason }
    }
}

fn check(context: &Context, source: &dyn TensorSource) -> Result<()> {
    Transformer::check_source(source, &context.codecs)?;
    model_store::load_tokenizer(source)?;
    Ok(())
}

/// An error for a model that cannot run.
pub(crate) fn require(context: &Context, source: &dyn TensorSource) -> Result<()> {
    check(context, source).context("this program cannot run the model")
}

/// What a command that writes models does with one that cannot run.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct WeightsOnly {
    /// Write the file even if this program could not run it
    #[arg(long)]
    weights_only: bool,
}

impl WeightsOnly {
    /// An error for a model that cannot run, or a note where that was asked for.
    pub(crate) fn allow(self, context: &Context, source: &dyn TensorSource) -> Result<()> {
        match check(context, source) {
            Ok(()) => Ok(()),
            Err(error) if self.weights_only => {
                context.progress.note(&format!("this program cannot run the model: {error:#}"));
                Ok(())
            }
            Err(error) => Err(error.context(
                "this program could not run the model, so nothing is written; --weights-only writes it all the same",
            )),
        }
    }
}
