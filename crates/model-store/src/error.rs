//! What can go wrong with a model at rest.

use crate::gguf::GgufFault;
use domain_types::{DomainError, PortError};
use std::io;

/// Errors of this crate. Each says what, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refused.
    #[error("{file}: {action}: {source}")]
    Io {
        /// The path.
        file: String,
        /// What was tried.
        action: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// A GGUF file that breaks a rule of the format or a limit of this reader.
    #[error("{file}: not a usable GGUF file, at byte {offset}: {fault}")]
    Gguf {
        /// The path, or `<bytes>`.
        file: String,
        /// Where in the file.
        offset: usize,
        /// Which rule.
        fault: GgufFault,
    },
    /// A GGUF model in several files that are not all there, or do not belong together.
    #[error("{file}: {reason}")]
    Split {
        /// The path of the file at fault.
        file: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A safetensors file that cannot be used.
    #[error("{file}: not a usable safetensors file: {reason}; fetch it again")]
    Safetensors {
        /// The path.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A folder or a JSON file of a Hugging Face model that cannot be used.
    #[error("{file}: {reason}")]
    HuggingFace {
        /// The path.
        file: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// Metadata that the network or the tokenizer needs is not there, or is not of the right type.
    #[error(
        "metadata key `{key}` {problem}; the file was made by an incomplete converter, convert the model again"
    )]
    Metadata {
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A model family that pibit cannot describe.
    #[error("architecture `{found}` is not known; known are {known}")]
    UnknownArchitecture {
        /// What the file says.
        found: String,
        /// What would work.
        known: String,
    },
    /// Something that the format allows and pibit does not do.
    #[error("{what} is not supported; {instead}")]
    Unsupported {
        /// What was found.
        what: String,
        /// What would work.
        instead: String,
    },
    /// A tensor that is not there.
    #[error("there is no tensor named `{0}`")]
    NoSuchTensor(String),
    /// The writer was used in a way that cannot give a valid file.
    #[error("cannot write {file}: {reason}")]
    Write {
        /// The path.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A tokenizer that cannot be built, or a text that it cannot encode.
    #[error("tokenizer: {0}")]
    Tokenizer(String),
    /// The gguf-rs crate reads an accepted header differently.
    #[error("gguf-rs disagrees with the validated header: {0}; please report the file")]
    CrossCheck(String),
    /// A rule of the shared kernel.
    #[error(transparent)]
    Domain(#[from] DomainError),
}

impl StoreError {
    #[cfg(feature = "fs")]
    pub(crate) fn io(path: &std::path::Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let file = path.display().to_string();
        move |source| Self::Io { file, action, source }
    }

    #[cfg(feature = "fs")]
    pub(crate) fn hugging_face(path: &std::path::Path, reason: impl Into<String>) -> Self {
        Self::HuggingFace { file: path.display().to_string(), reason: reason.into() }
    }

    pub(crate) fn missing(key: impl Into<String>) -> Self {
        Self::Metadata { key: key.into(), problem: "is missing or of the wrong type".into() }
    }
}

impl From<StoreError> for PortError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoSuchTensor(name) => Self::not_found("tensor", name),
            StoreError::Domain(error) => Self::Domain(error),
            other => Self::new(other),
        }
    }
}
