//! Quantization-aware training: a student whose matrices are rounded in every forward pass learns from the data and
//! from a frozen teacher.

mod blockwise;
mod checkpoint;
mod config;
mod course;
mod data;
mod descent;
mod frozen;
mod identity;
mod losses;
mod meter;
mod run;
mod student;
mod target;
#[cfg(test)]
mod tests;
mod validation;

pub use blockwise::BlockPoint;
pub use config::{
    BlockError, BlockwiseConfig, DistillationConfig, QatConfig, QatMode, QuantizationConfig, ScheduleConfig,
};
pub use data::QatData;
pub(crate) use data::Stream;
pub use losses::LossParts;
pub use run::{QatModel, QatPoint, QatRun};
pub use target::QatTarget;
