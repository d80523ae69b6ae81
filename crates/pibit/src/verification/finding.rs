//! One thing that was found, and how grave it is.

use serde::Serialize;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Good to know.
    Info,
    /// Not a fault, but less than could be known.
    Warning,
    /// The file is not what was written, or would compute nonsense: do not use it.
    Critical,
}

/// One thing that was found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// A name for scripts.
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tensor: Option<String>,
    pub(crate) message: String,
}

impl Finding {
    pub(super) fn new(severity: Severity, kind: &'static str, message: impl Into<String>) -> Self {
        Self { severity, kind, tensor: None, message: message.into() }
    }

    pub(super) fn critical(kind: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Critical, kind, message)
    }

    pub(super) fn warning(kind: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, kind, message)
    }

    pub(super) fn of(self, tensor: &str) -> Self {
        Self { tensor: Some(tensor.to_owned()), ..self }
    }
}
