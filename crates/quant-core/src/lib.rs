#![doc = include_str!("../README.md")]

mod block;
mod codec;
mod error;
mod formats;
mod gemm;
mod linear;
mod options;
mod parallel;
mod registry;
#[cfg(test)]
mod testing;

pub use error::QuantError;
pub use options::{GridConstant, QuantizeOptions, StepSearch};
pub use registry::{Codecs, FormatEntry, catalogue, entries, quantizer};
