//! Checksums: where a file comes from, and whether it is still what was written.

#[cfg(feature = "fs")]
use crate::{StoreError, load};
use sha2::{Digest, Sha256};
#[cfg(feature = "fs")]
use std::path::{Path, PathBuf};

/// Metadata keys that every file written here carries.
pub(crate) mod key {
    /// Version of pibit that wrote the file.
    pub(crate) const VERSION: &str = "pibit.version";
    /// SHA-256 of what the model was made from.
    pub(crate) const SOURCE_SHA256: &str = "pibit.source.sha256";
    /// SHA-256 of metadata and tensor descriptions.
    pub(crate) const CONFIG_SHA256: &str = "pibit.config.sha256";
    /// SHA-256 of each tensor's bytes, in the order of the file.
    pub(crate) const TENSOR_SHA256: &str = "pibit.tensor.sha256";
}

/// SHA-256 of a file, hexadecimal.
#[cfg(feature = "fs")]
pub fn sha256_file(path: impl AsRef<Path>) -> Result<String, StoreError> {
    Ok(sha256_bytes(&load::file_bytes(path.as_ref())?))
}

/// SHA-256 of a model: of the file, or for a folder of the names and checksums of its JSON and safetensors files in
/// the format of `sha256sum`, sorted by name. So, too, for a GGUF model in several files.
#[cfg(feature = "fs")]
pub fn source_sha256(path: impl AsRef<Path>) -> Result<String, StoreError> {
    let path = path.as_ref();
    let files = if path.is_dir() {
        model_files(path)?
    } else {
        match crate::gguf::shard_paths(path)
            .filter(|paths| paths.len() > 1 && paths.iter().all(|p| p.exists()))
        {
            Some(shards) => shards,
            None => return sha256_file(path),
        }
    };
    let mut listing = String::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        listing.extend([sha256_file(&file)?.as_str(), "  ", &name, "\n"]);
    }
    Ok(sha256_bytes(listing.as_bytes()))
}

#[cfg(feature = "fs")]
fn model_files(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let fail = || StoreError::io(folder, "cannot list this folder");
    let mut files = Vec::new();
    for entry in folder.read_dir().map_err(fail())? {
        let path = entry.map_err(fail())?.path();
        let extension = path.extension().and_then(|e| e.to_str());
        if path.is_file() && matches!(extension, Some("json" | "safetensors" | "jinja")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// SHA-256 of bytes in memory, hexadecimal.
pub fn sha256_bytes(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes).into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}
