#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod corpus;
mod random;

#[cfg(feature = "train")]
mod adapter;
#[cfg(feature = "train")]
mod backend;
#[cfg(feature = "train")]
mod continual;
#[cfg(feature = "train")]
mod error;
#[cfg(feature = "train")]
mod network;
#[cfg(feature = "train")]
mod qat;
#[cfg(feature = "train")]
mod quantizer;
#[cfg(feature = "train")]
mod tiny;
#[cfg(feature = "train")]
mod tiny_moe;
#[cfg(feature = "train")]
mod training;
#[cfg(feature = "train")]
mod vocabulary;

#[cfg(feature = "train")]
pub use adapter::{LoraConfig, LoraInit};
#[cfg(feature = "train")]
pub use backend::TrainBackend;
#[cfg(feature = "train")]
pub use continual::{Fisher, MatrixFisher, PackedModel, ScaleOptions, ScaleUpdate, rows_of, update_scales};
#[cfg(feature = "train")]
pub use error::TrainError;
#[cfg(feature = "train")]
pub use network::Llama;
#[cfg(feature = "train")]
pub use qat::{
    BlockError, BlockPoint, BlockwiseConfig, DistillationConfig, LossParts, QatConfig, QatData, QatMode,
    QatModel, QatPoint, QatRun, QatTarget, QuantizationConfig, ScheduleConfig,
};
#[cfg(feature = "train")]
pub use quantizer::{Granularity, Surrogate};
#[cfg(feature = "train")]
pub use tiny::{TinyModel, tiny_spec, train_tiny};
#[cfg(feature = "train")]
pub use tiny_moe::{tiny_moe_spec, train_tiny_moe};
#[cfg(feature = "train")]
pub use training::{Accuracy, CurvePoint, Progress, RoutingConfig, TrainConfig};
#[cfg(feature = "train")]
pub use vocabulary::Vocabulary;
