#![doc = include_str!("../README.md")]

mod adapter;
mod chat;
mod error;
mod evaluate;
mod generate;
mod kv_cache;
mod parallel;
mod sampler;
mod transformer;
mod vectorized;

pub use adapter::{Adapter, HeadTuner, LowRank};
pub use chat::ChatSource;
#[cfg(feature = "chat")]
pub use chat::{ChatMessage, ChatTemplate};
pub use error::InferenceError;
pub use evaluate::{EvalOptions, EvalProgress, EvalReport, evaluate, mean_divergence};
pub use generate::{Finish, GenerateOptions, Generation, generate};
pub use kv_cache::{ColdRounding, KvFormat, KvOptions};
pub use sampler::{Sampler, SamplerOptions};
pub use transformer::{ExpertPorts, LoadOptions, ResidentExperts, Stage, StageStream, TopK, Transformer};
