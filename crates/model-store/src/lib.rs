#![doc = include_str!("../README.md")]

#[cfg(feature = "gguf-rs")]
mod cross_check;
mod error;
mod gguf;
mod hf;
mod keys;
mod load;
mod open;
mod pre_tokenization;
mod provenance;
mod spec;
mod token_type;
#[cfg(feature = "tokenizer")]
mod tokenizer;
mod verify;

pub use error::StoreError;
pub use gguf::{AtomicFile, GgufFault, GgufFile, GgufWriter, WriteReport};
pub use hf::HfFolder;
pub use open::open_model;
pub use provenance::{sha256_bytes, sha256_file, source_sha256};
pub use spec::model_spec;
#[cfg(feature = "tokenizer")]
pub use tokenizer::{HfTokenizer, load_tokenizer};
pub use verify::{Check, TensorCheck, VerifyReport, VerifyStatus, verify};
