//! JSON files of a folder, behind a size limit.

use crate::{StoreError, load};
use serde::de::DeserializeOwned;
use std::path::Path;

/// Bytes that a JSON file may have: the largest tokenizer.json files have 35 MB.
const MAX_BYTES: usize = 64 << 20;

/// The text of a file, `None` where there is no such file.
pub(super) fn text(path: &Path) -> Result<Option<String>, StoreError> {
    if !path.exists() {
        return Ok(None);
    }
    let bytes = load::file_bytes(path)?;
    if bytes.len() > MAX_BYTES {
        return Err(StoreError::hugging_face(
            path,
            format!("it has {} bytes, the limit is {MAX_BYTES}", bytes.len()),
        ));
    }
    let text =
        std::str::from_utf8(&bytes).map_err(|e| StoreError::hugging_face(path, format!("not UTF-8: {e}")))?;
    Ok(Some(text.to_owned()))
}

/// The content of a file, `None` where there is no such file.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    let Some(text) = text(path)? else { return Ok(None) };
    parse(path, &text).map(Some)
}

pub(super) fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::hugging_face(path, format!("cannot be read: {e}")))
}
