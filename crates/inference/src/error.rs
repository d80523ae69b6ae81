//! What can go wrong when a model is loaded, run or evaluated.

use domain_types::{DomainError, Gating, PortError, Shape, TokenId};

/// Errors of this context. Each says what, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// A port (source, codec, tokenizer, model) failed.
    #[error(transparent)]
    Port(PortError),
    /// The specification contradicts itself.
    #[error(transparent)]
    Spec(#[from] DomainError),
    /// A tensor that the specification asks for is not in the source.
    #[error(
        "tensor {name} is missing: a {architecture} network cannot run without it; convert the model again"
    )]
    MissingTensor {
        /// GGUF name.
        name: String,
        /// GGUF architecture name.
        architecture: String,
    },
    /// A tensor's shape contradicts the specification.
    #[error(
        "tensor {name} has shape {found}, the specification asks for {expected}: metadata and weights are of different models, or the conversion was wrong"
    )]
    TensorShape {
        /// GGUF name.
        name: String,
        /// What the specification asks for, outermost dimension first.
        expected: Shape,
        /// What the source has.
        found: Shape,
    },
    /// A norm, bias or frequency factor is NaN or infinite.
    #[error("tensor {name} holds {value} at index {index}: the file is damaged, or its training diverged")]
    NotFinite {
        /// GGUF name.
        name: String,
        /// Index of the first bad number.
        index: usize,
        /// The bad number.
        value: f32,
    },
    /// The source has a tensor that the network would ignore.
    #[error(
        "tensor {name} has no place in the {architecture} network that the metadata describes; running without it would give wrong results"
    )]
    UnusedTensor {
        /// GGUF name.
        name: String,
        /// GGUF architecture name.
        architecture: String,
    },
    /// Experts were asked of, or given to, a model without.
    #[error("this {architecture} model has no experts: it is not a mixture of experts")]
    NoExperts {
        /// GGUF architecture name.
        architecture: String,
    },
    /// A router that was made for another model.
    #[error("the router chooses {} of {} experts, the model has {} of {}: make it from the model's gating",
        router.top_k(), router.experts(), model.top_k(), model.experts())]
    OtherGating {
        /// What the router chooses from.
        router: Gating,
        /// What the model has.
        model: Gating,
    },
    /// A context longer than the model was made for, or of no token.
    #[error("a context of {asked} tokens is not possible: choose 1 to {longest}")]
    ContextLength {
        /// What was asked for.
        asked: usize,
        /// What the model was made for.
        longest: usize,
    },
    /// A token id that the embedding has no row for.
    #[error(
        "token {token} is outside the vocabulary of {vocab_size}: tokenizer and model do not belong together"
    )]
    UnknownToken {
        /// The id.
        token: TokenId,
        /// Rows of the embedding.
        vocab_size: usize,
    },
    /// The key–value cache has no room.
    #[error(
        "{tokens} more tokens do not fit: {used} of {capacity} positions are in use; load with a longer context or shorten the text"
    )]
    ContextFull {
        /// Tokens of the failed call.
        tokens: usize,
        /// Positions in the cache.
        used: usize,
        /// Positions that the cache can hold.
        capacity: usize,
    },
    /// A name that is no format of the key–value cache.
    #[error("{0:?} is no format of the key–value cache: choose f16, q8, q4, q2 or k4v2")]
    KvFormat(String),
    /// A sampler option outside its range.
    #[error("sampler option {option} = {value}: it must be {allowed}")]
    SamplerOption {
        /// Name of the option.
        option: &'static str,
        /// Its value.
        value: f32,
        /// Its range in words.
        allowed: &'static str,
    },
    /// No logit is a finite number.
    #[error(
        "the model gave no finite logit: its weights are damaged or overflow; check them with `pibit verify`"
    )]
    NoFiniteLogit,
    /// Generation was asked to continue nothing.
    #[error("the prompt has no token: generation needs at least one to start from")]
    EmptyPrompt,
    /// The metadata has no chat template.
    #[error(
        "the model has no chat template (metadata key tokenizer.chat_template): use plain generation, or name one with --chat-template, for example `chatml`"
    )]
    NoChatTemplate,
    /// The chat template is wrong or refused the messages.
    #[cfg(feature = "chat")]
    #[error("chat template: {0:#}")]
    ChatTemplate(#[from] minijinja::Error),
    /// An adapter that is not for this model.
    #[error("adapter: {0}")]
    Adapter(String),
    /// A calibration that cannot run as asked.
    #[error("calibration: {0}")]
    Calibration(String),
    /// An evaluation that cannot run as asked.
    #[error("evaluation: {0}")]
    Evaluation(String),
}

impl From<PortError> for InferenceError {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl From<InferenceError> for PortError {
    fn from(error: InferenceError) -> Self {
        match error {
            InferenceError::Port(inner) => inner,
            InferenceError::Spec(inner) => inner.into(),
            other => Self::new(other),
        }
    }
}
