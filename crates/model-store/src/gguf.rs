//! GGUF files: the reader that validates, and the writer.
//!
//! Untrusted bytes become a [`RawHeader`](raw_header::RawHeader) (bounded, but only syntax), which
//! [`layout`] turns into placed tensors (every offset, size and name checked), which [`GgufFile`] keeps privately.
//! Nothing else in the crate reads a GGUF file.

mod cursor;
mod fault;
mod file;
mod layout;
mod payload;
mod raw_header;
#[cfg(feature = "fs")]
mod split;
mod value;
mod write;

pub use fault::GgufFault;
pub use file::GgufFile;
#[cfg(feature = "fs")]
pub(crate) use split::open_whole;
#[cfg(feature = "fs")]
pub use split::shard_paths;
#[cfg(feature = "fs")]
pub use write::AtomicFile;
pub use write::{GgufWriter, WriteReport, planned_bytes};

pub(crate) use write::config_sha256;

/// Limits on what is read and written. Real models stay far below them.
pub(crate) mod limit {
    /// Tensors in a file, exclusive.
    pub(crate) const TENSORS: u64 = 10_000;
    /// Metadata entries in a file.
    pub(crate) const KEYS: u64 = 10_000;
    /// Memory that all metadata may take together, in bytes.
    pub(crate) const METADATA_BYTES: usize = 100_000_000;
    /// Bytes of a key (the GGUF specification's limit).
    pub(crate) const KEY_BYTES: usize = 65_535;
    /// Bytes of a string: a whole tokenizer.json of the largest vocabularies fits.
    pub(crate) const STRING_BYTES: usize = 64 << 20;
    /// Elements of an array.
    pub(crate) const ARRAY_LEN: u64 = 4 << 20;
    /// Bytes of a tensor's name (ggml's limit).
    pub(crate) const NAME_BYTES: usize = 63;
    /// The largest alignment, in bytes.
    pub(crate) const ALIGNMENT: u64 = 1 << 16;
}

/// The first four bytes.
const MAGIC: [u8; 4] = *b"GGUF";
/// Alignment where the file does not say, and of every file written here.
const DEFAULT_ALIGNMENT: u64 = 32;
/// The key that changes it.
const ALIGNMENT_KEY: &str = "general.alignment";
