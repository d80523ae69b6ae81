//! Errors of the kernel and of its ports.

use alloc::boxed::Box;
use alloc::string::String;
use core::error::Error;

/// A value that breaks an invariant of the kernel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DomainError {
    /// A shape has no dimension, too many, or a dimension of zero.
    #[error("shape {dims} is not usable: {reason}")]
    BadShape {
        /// The dimensions as text.
        dims: String,
        /// What is wrong with them.
        reason: &'static str,
    },
    /// A size does not fit this machine's address space.
    #[error("size overflow: {0}")]
    Overflow(String),
    /// A row length that the format cannot hold.
    #[error(
        "format {format} needs rows of a multiple of {multiple} weights, this tensor has rows of {row_len}; choose a format with shorter blocks (see `docs/formats.md`)"
    )]
    RowLength {
        /// The format's name.
        format: String,
        /// What the row length must be divisible by.
        multiple: usize,
        /// The tensor's row length.
        row_len: usize,
    },
    /// A number of rows that the format cannot hold.
    #[error(
        "format {format} needs matrices of a multiple of {multiple} rows, this tensor has {rows}; choose a format that stores rows one by one (see `docs/formats.md`)"
    )]
    RowCount {
        /// The format's name.
        format: String,
        /// What the number of rows must be divisible by.
        multiple: usize,
        /// Rows of the tensor's matrices.
        rows: usize,
    },
    /// A byte slice whose length is not what format and shape ask for.
    #[error("tensor of format {format} and shape {shape} takes {expected} bytes, got {actual}")]
    ByteLength {
        /// The format's name.
        format: String,
        /// The shape as text.
        shape: String,
        /// Bytes that format and shape ask for.
        expected: usize,
        /// Bytes that were given.
        actual: usize,
    },
    /// Two formats that claim the same name or ggml type.
    #[error("format {0} is already in the catalogue (same name or ggml type)")]
    DuplicateFormat(String),
    /// A Hessian that cannot be one.
    #[error("Hessian: {0}; calibrate again")]
    BadHessian(String),
    /// A model specification that contradicts itself.
    #[error("model specification: {0}")]
    BadSpec(String),
}

/// What a port reports. A context keeps its own error enum and converts it here with [`PortError::new`], so the
/// original stays reachable through [`Error::source`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// A kernel invariant does not hold.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// The caller's request makes no sense: says what, and what to do.
    #[error("{0}")]
    Invalid(String),
    /// Something named does not exist.
    #[error("{kind} {name:?} was not found")]
    NotFound {
        /// What kind of thing: "tensor", "format", "token".
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The implementation failed; its own error is the message and the source.
    #[error("{0}")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl PortError {
    /// Wraps an implementation's own error.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(error.into())
    }

    /// A request that makes no sense.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// A thing that is not there.
    pub fn not_found(kind: &'static str, name: impl Into<String>) -> Self {
        Self::NotFound { kind, name: name.into() }
    }
}
