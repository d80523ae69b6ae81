//! What can go wrong in a session.

use domain_types::PortError;

/// Errors of this context. Each has a [`code`](Self::code) that programs can compare.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// A model that would take more memory than is allowed.
    #[error(
        "this model needs {needed} bytes of memory, {allowed} are allowed: choose a smaller file or a shorter context, or raise memoryBudget"
    )]
    OverBudget {
        /// Bytes that it would take.
        needed: u64,
        /// Bytes that are allowed.
        allowed: u64,
    },
    /// A message above the limit.
    #[error("a message of {bytes} bytes is longer than {limit}: shorten the prompt")]
    MessageTooLong {
        /// Its length.
        bytes: usize,
        /// The most that is read.
        limit: usize,
    },
    /// A message that is not one of the protocol.
    #[error("not a message of this protocol: {0}")]
    BadMessage(String),
    /// There is nothing to continue.
    #[error("the prompt is empty; give some text")]
    EmptyPrompt,
    /// Prompt and cache together are longer than the context.
    #[error("the prompt has {tokens} tokens, {free} fit the rest of the context: shorten it, or begin anew")]
    ContextFull {
        /// Tokens of the prompt.
        tokens: usize,
        /// Positions that are free.
        free: usize,
    },
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl RuntimeError {
    /// A name that does not change with the text: camelCase, for JavaScript.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OverBudget { .. } => "overBudget",
            Self::MessageTooLong { .. } => "messageTooLong",
            Self::BadMessage(_) => "badMessage",
            Self::EmptyPrompt => "emptyPrompt",
            Self::ContextFull { .. } => "contextFull",
            Self::Port(PortError::Invalid(_) | PortError::Domain(_)) => "badInput",
            Self::Port(PortError::NotFound { .. }) => "notFound",
            Self::Port(_) => "failed",
        }
    }
}
