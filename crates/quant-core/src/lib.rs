#![doc = include_str!("../README.md")]

mod activations;
mod allocation;
mod block;
mod codec;
#[cfg(feature = "ldlq")]
mod compensation;
mod error;
mod export;
mod float_order;
mod formats;
mod gemm;
mod grid;
pub mod hadamard;
mod halves;
pub mod incoherence;
mod isa;
mod kernel;
mod linear;
mod moments;
mod options;
mod parallel;
mod pi_quantizer;
mod planes;
mod registry;
mod rounding;
mod stats;
#[cfg(test)]
mod testing;

pub use activations::Activations;
pub use allocation::{Allocation, Choice, allocate, pareto_front};
#[cfg(feature = "ldlq")]
pub use compensation::Compensation;
pub use error::QuantError;
pub use export::export_tensor;
pub use isa::instruction_set;
pub use moments::{CrossMoment, InputCheck, InputMoments, LayerMoments, PartShift};
pub use options::{GridConstant, QuantizeOptions, StepSearch, has_divisor};
pub use pi_quantizer::PiQuantizer;
pub use registry::{Codecs, FormatEntry, catalogue, entries, quantizer};
pub use rounding::{Rounding, proxy_loss};
pub use stats::{Comparison, GridFit, compare, grid_fit};
