//! The shared kernel of pibit: what every bounded context agrees on.
//!
//! - **Value objects**: [`Shape`], [`QuantFormat`], [`TensorView`], [`QuantTensor`], [`Metadata`], [`ModelSpec`].
//!   Each is validated once, by its constructor, and has private fields where an invariant must hold.
//! - **Ports** ([`port`]): object-safe traits between the contexts. A call is coarse (a matrix, a token, a file),
//!   never a single block of weights.
//! - **Events** ([`DomainEvent`]): what happened, in the words of the domain.
//!
//! There is no I/O and no algorithm here, and no context is known: contexts depend on this crate, never on each
//! other.
//!
//! ```
//! use domain_types::{QuantFormat, RowRule, Shape};
//!
//! // A format is a description, not a variant of an enum: anyone can add one.
//! let q4_0 = QuantFormat::new("q4_0", 32, 18, RowRule::WholeBlocks).with_ggml_type(2);
//! assert_eq!(q4_0.bits_per_weight(), 4.5);
//! let shape = Shape::matrix(8, 576)?;
//! assert_eq!(q4_0.byte_len(&shape)?, 8 * 576 / 32 * 18);
//! # Ok::<(), domain_types::DomainError>(())
//! ```
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod error;
mod event;
mod expert;
mod format;
mod hessian;
mod metadata;
mod model_spec;
pub mod port;
mod shape;
mod tensor;
#[cfg(feature = "testing")]
pub mod testing;

pub use bytes::Bytes;
pub use error::{DomainError, PortError};
pub use event::{Direction, DomainEvent, Precision, TensorQuality};
pub use expert::{
    ExpertChoice, ExpertId, ExpertLayout, ExpertMatrix, ExpertPart, ExpertTensor, GateNorm, Gating, Grade,
};
pub use format::{FormatCatalogue, QuantFormat, RowRule, scalar};
pub use hessian::Hessian;
pub use metadata::{MetaArray, MetaValue, Metadata, Opaque};
pub use model_spec::{
    Activation, AttentionSpec, ExpertsSpec, FrequentTokens, ModelSpec, RopeScaling, RopeSpec, RopeStyle,
    RotationSpec, SharedExpert, SlidingWindow, Yarn,
};
pub use port::{
    Clock, CodecSet, CompilePattern, ConditionSensor, DeviceCondition, EventSink, ExpertProvider,
    ExpertRouter, ExpertStore, InputObserver, KvRounding, Linear, LogitRows, OrthogonalTransform,
    PinnedExpert, PrecisionControl, QualityDrop, QuantizeRequest, Quantizer, TensorSource, ThermalState,
    TokenId, TokenModel, Tokenizer, WeightCodec, WordPattern,
};
pub use shape::{MAX_DIMS, Shape};
pub use tensor::{QuantTensor, TensorInfo, TensorView};
