#![doc = include_str!("../README.md")]

mod error;
mod gguf;
mod load;
mod provenance;
mod spec;
mod verify;

pub use error::StoreError;
pub use gguf::{AtomicFile, GgufFault, GgufFile, GgufWriter, WriteReport};
pub use provenance::{sha256_file, source_sha256};
pub use spec::model_spec;
pub use verify::{Check, TensorCheck, VerifyReport, VerifyStatus, verify};
