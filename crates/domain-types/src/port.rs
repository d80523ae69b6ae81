//! The ports: what one context needs of another, as object-safe traits. Composition roots wire them.
//!
//! Every port has a conformance suite in the module `testing` (feature `testing`) that each implementation
//! runs in its own tests.

mod clock;
mod condition_sensor;
mod event_sink;
mod expert_provider;
mod expert_router;
mod expert_store;
mod input_observer;
mod kv_rounding;
mod linear;
mod orthogonal_transform;
mod precision_control;
mod quantizer;
mod tensor_source;
mod token_model;
mod tokenizer;
mod weight_codec;
mod word_pattern;

pub use clock::Clock;
pub use condition_sensor::{ConditionSensor, DeviceCondition, ThermalState};
pub use event_sink::{EventSink, NullSink};
pub use expert_provider::{ExpertProvider, PinnedExpert};
pub use expert_router::ExpertRouter;
pub use expert_store::ExpertStore;
pub use input_observer::InputObserver;
pub use kv_rounding::KvRounding;
pub use linear::Linear;
pub use orthogonal_transform::OrthogonalTransform;
pub use precision_control::{PrecisionControl, QualityDrop};
pub use quantizer::{QuantizeRequest, Quantizer};
pub use tensor_source::TensorSource;
pub use token_model::{LogitRows, TokenModel};
pub use tokenizer::{TokenId, Tokenizer};
pub use weight_codec::{CodecSet, WeightCodec};
pub use word_pattern::{CompilePattern, WordPattern};
