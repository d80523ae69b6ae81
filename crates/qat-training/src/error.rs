//! What can go wrong in training.

use domain_types::{DomainError, PortError};
use std::path::PathBuf;

/// Why a model could not be trained, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A kernel invariant does not hold.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// The model that was to be imported could not be read.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The trainable network lacks something that the specification asks for.
    #[error("this network cannot be trained: {0}")]
    Unsupported(String),
    /// A tensor that does not fit the specification.
    #[error("tensor {name:?}: {reason}")]
    Tensor {
        /// GGUF name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The tokenizer could not be trained or used.
    #[error("tokenizer: {0}")]
    Tokenizer(String),
    /// A setting that makes no sense.
    #[error("training settings: {0}")]
    Config(String),
    /// There is no graphics processor to train on.
    #[error(
        "no graphics processor to train on: {0}; install its Vulkan driver (Debian: mesa-vulkan-drivers, which also has one \
         for the CPU), or train on the CPU"
    )]
    Device(String),
    /// The loss is no longer a number.
    #[error(
        "the loss is {loss} at step {step}; lower the learning rate (the last checkpoint, if any, is kept)"
    )]
    Diverged {
        /// Step at which it happened.
        step: usize,
        /// The loss.
        loss: f32,
    },
    /// A checkpoint could not be written or read.
    #[error("checkpoint {}: {reason}", path.display())]
    Checkpoint {
        /// Its path.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
}

impl From<TrainError> for PortError {
    fn from(error: TrainError) -> Self {
        Self::new(error)
    }
}
