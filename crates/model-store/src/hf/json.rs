//! JSON files of a model, behind a size limit.

use super::files::Files;
use crate::StoreError;
use serde::de::DeserializeOwned;
use std::path::Path;

/// Bytes that a JSON file may have: the largest tokenizer.json files have 35 MB.
const MAX_BYTES: usize = 64 << 20;

/// The text of a file, `None` where there is no such file.
pub(super) fn text(files: Files<'_>, name: &str) -> Result<Option<String>, StoreError> {
    let Some(bytes) = files.read(name)? else { return Ok(None) };
    let refuse = |reason: String| StoreError::hugging_face(&files.path(name), reason);
    if bytes.len() > MAX_BYTES {
        return Err(refuse(format!("it has {} bytes, the limit is {MAX_BYTES}", bytes.len())));
    }
    let text = std::str::from_utf8(&bytes).map_err(|e| refuse(format!("not UTF-8: {e}")))?;
    Ok(Some(text.to_owned()))
}

/// The content of a file, `None` where there is no such file.
pub(super) fn read<T: DeserializeOwned>(files: Files<'_>, name: &str) -> Result<Option<T>, StoreError> {
    let Some(text) = text(files, name)? else { return Ok(None) };
    parse(&files.path(name), &text).map(Some)
}

pub(super) fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::hugging_face(path, format!("cannot be read: {e}")))
}
