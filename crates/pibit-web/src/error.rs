//! Whatever a context reports, with one code each.

use crate::failure::failure;
use domain_types::{DomainError, PortError};
use inference::InferenceError;
use model_store::StoreError;
use quant_core::QuantError;
use wasm_bindgen::JsValue;
use wasm_runtime::RuntimeError;

/// What can go wrong in a worker.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WebError {
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Inference(#[from] InferenceError),
    #[error(transparent)]
    Quant(#[from] QuantError),
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// Checksums that do not fit.
    #[error("the file is damaged: {0}; download it again")]
    Damaged(String),
    /// An argument that makes no sense.
    #[error("{0}")]
    BadInput(String),
}

impl WebError {
    /// What JavaScript finds in `code`.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Runtime(error) => error.code(),
            Self::Store(StoreError::Io { .. } | StoreError::Write { .. }) => "failed",
            Self::Inference(InferenceError::ContextFull { .. }) => "contextFull",
            Self::Inference(InferenceError::Evaluation(_) | InferenceError::SamplerOption { .. })
            | Self::Quant(_)
            | Self::BadInput(_)
            | Self::Port(PortError::Invalid(_)) => "badInput",
            Self::Store(_) | Self::Damaged(_) | Self::Inference(_) | Self::Domain(_) | Self::Port(_) => {
                "badFile"
            }
        }
    }
}

impl From<WebError> for JsValue {
    fn from(error: WebError) -> Self {
        failure(error.code(), &error.to_string())
    }
}
