//! A second opinion on headers, from the gguf-rs crate.

use crate::{GgufFile, StoreError};
use domain_types::{MetaValue, TensorSource, scalar};
use gguf_rs::{ByteOrder, GGUFContainer};
use std::io::Cursor;

/// Largest header that gguf-rs is given: it builds a JSON value per metadata entry.
const MAX_HEADER: usize = 64 << 20;
/// gguf-rs panics on tensor types from here on.
const FIRST_UNSAFE_TYPE: u32 = 40;

impl GgufFile {
    /// Reads the header again with gguf-rs and compares version, alignment of the data and each tensor's name, type,
    /// dimensions and offset. Sizes are not compared: gguf-rs 0.1.8 computes several wrongly.
    ///
    /// Only an accepted header is ever handed over, and only its own bytes, so every length in it is known to be
    /// honest. Headers that gguf-rs cannot take (over 64 MiB, newer tensor types) are an error of kind
    /// [`StoreError::Unsupported`].
    pub fn cross_check(&self) -> Result<(), StoreError> {
        self.refuse_unsafe()?;
        // gguf-rs expects its caller to have read the magic, and tokenizer arrays are not needed.
        let reader = Cursor::new(self.header()[4..].to_vec());
        let mut container = GGUFContainer::new(ByteOrder::LE, Box::new(reader), 0);
        let model = container.decode().map_err(|e| StoreError::CrossCheck(e.to_string()))?;
        let differ = |what: String| Err(StoreError::CrossCheck(what));
        if model.get_version() != format!("v{}", self.version()) {
            return differ(format!("version {}", model.get_version()));
        }
        if model.tensors().len() != self.tensors().len() {
            return differ(format!("{} tensors", model.tensors().len()));
        }
        for (theirs, ours) in model.tensors().iter().zip(self.tensors()) {
            let start = self.byte_range(&ours.name).map(|r| r.start as u64);
            let placed = model.data_offset().checked_add(theirs.offset);
            let same_shape = ours.format.ggml_type().is_none() || same_dims(&theirs.shape, ours.shape.dims());
            if theirs.name != ours.name || placed != start || theirs.kind != stored_type(ours) || !same_shape
            {
                return differ(format!("tensor `{}` is read as {theirs:?}", ours.name));
            }
        }
        Ok(())
    }

    fn refuse_unsafe(&self) -> Result<(), StoreError> {
        let instead = || "the crate's own validation does not need it".to_owned();
        if self.header().len() > MAX_HEADER {
            let what = format!("a header of {} bytes in gguf-rs", self.header().len());
            return Err(StoreError::Unsupported { what, instead: instead() });
        }
        if let Some((key, _)) = self.metadata().iter().find(|(_, v)| matches!(v, MetaValue::Opaque(_))) {
            return Err(StoreError::Unsupported {
                what: format!("key `{key}` in gguf-rs"),
                instead: instead(),
            });
        }
        match self.tensors().iter().find(|t| stored_type(t) >= FIRST_UNSAFE_TYPE) {
            None => Ok(()),
            Some(t) => {
                let what = format!("tensor `{}` of type {} in gguf-rs", t.name, t.format);
                Err(StoreError::Unsupported { what, instead: instead() })
            }
        }
    }
}

/// Innermost first against outermost first.
fn same_dims(theirs: &[u64], ours: &[usize]) -> bool {
    theirs.iter().rev().copied().eq(ours.iter().map(|&d| d as u64))
}

/// ggml's number for the type under which a tensor is stored.
fn stored_type(info: &domain_types::TensorInfo) -> u32 {
    info.format.ggml_type().or(scalar::I8.ggml_type()).unwrap_or(u32::MAX)
}
