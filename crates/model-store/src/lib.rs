#![doc = include_str!("../README.md")]

#[cfg(feature = "gguf-rs")]
mod cross_check;
mod error;
mod gguf;
#[cfg(feature = "fs")]
mod hf;
#[cfg(any(feature = "fs", feature = "tokenizer"))]
mod keys;
#[cfg(feature = "fs")]
mod load;
#[cfg(feature = "fs")]
mod open;
#[cfg(any(feature = "fs", feature = "tokenizer"))]
mod pre_tokenization;
mod provenance;
mod spec;
#[cfg(any(feature = "fs", feature = "tokenizer"))]
mod token_type;
#[cfg(feature = "tokenizer")]
mod tokenizer;
mod verify;

pub use error::StoreError;
#[cfg(feature = "fs")]
pub use gguf::{AtomicFile, shard_paths};
pub use gguf::{GgufFault, GgufFile, GgufWriter, WriteReport, planned_bytes};
#[cfg(feature = "fs")]
pub use hf::HfFolder;
#[cfg(feature = "fs")]
pub use open::{load_model, open_model};
pub use provenance::sha256_bytes;
#[cfg(feature = "fs")]
pub use provenance::{sha256_file, source_sha256};
pub use spec::model_spec;
#[cfg(feature = "regex")]
pub use tokenizer::load_tokenizer;
#[cfg(feature = "tokenizer")]
pub use tokenizer::{ModelTokenizer, tokenizer_with};
pub use verify::{Check, TensorCheck, VerifyReport, VerifyStatus, verify};
