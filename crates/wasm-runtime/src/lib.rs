#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod budget;
mod error;
mod generation;
mod protocol;

pub use budget::{Footprint, MemoryBudget};
pub use error::RuntimeError;
pub use generation::{Generation, GenerationLimits, Sample, Step, StopReason};
pub use protocol::{MAX_MESSAGE_BYTES, Reply, Request};
