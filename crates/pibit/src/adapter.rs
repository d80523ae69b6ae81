//! Low-rank adapters in files of their own: what `pibit qat --lora` writes, and llama.cpp reads and writes.

mod file;
mod key;
mod merged;
#[cfg(test)]
mod tests;
#[cfg(feature = "train")]
mod write;

pub(crate) use file::AdapterFile;
pub(crate) use merged::MergedSource;
#[cfg(feature = "train")]
pub(crate) use write::{NewAdapter, write};
