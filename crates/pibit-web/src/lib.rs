#![doc = include_str!("../README.md")]

#[cfg(feature = "model")]
mod bench;
#[cfg(feature = "model")]
mod error;
mod failure;
#[cfg(feature = "model")]
mod file_buffer;
#[cfg(feature = "model")]
mod model_file;
#[cfg(feature = "model")]
mod panic;
mod pi_quant;
#[cfg(feature = "model")]
mod requantizer;
#[cfg(feature = "model")]
mod session;
#[cfg(feature = "model")]
mod spectral;
#[cfg(feature = "model")]
mod words;

#[cfg(feature = "model")]
pub use bench::QuantBench;
#[cfg(feature = "model")]
pub use file_buffer::FileBuffer;
#[cfg(feature = "model")]
pub use model_file::ModelFile;
pub use pi_quant::PiQuant;
#[cfg(feature = "model")]
pub use requantizer::Requantizer;
#[cfg(feature = "model")]
pub use session::{Adaptation, Session};
