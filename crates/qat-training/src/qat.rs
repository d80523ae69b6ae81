//! Quantization-aware training: a student whose matrices are rounded in every forward pass learns from the data and from a
//! frozen teacher.

mod checkpoint;
mod config;
mod data;
mod losses;
mod meter;
mod run;
mod student;
mod target;
#[cfg(test)]
mod tests;
mod validation;

pub use config::{DistillationConfig, QatConfig, QatMode, QuantizationConfig, ScheduleConfig};
pub use data::QatData;
pub use losses::LossParts;
pub use run::{QatModel, QatPoint, QatRun};
pub use target::QatTarget;
