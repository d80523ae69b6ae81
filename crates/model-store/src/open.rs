//! One door for every kind of model.

use crate::{GgufFile, HfFolder, StoreError, gguf};
use domain_types::{FormatCatalogue, TensorSource};
use std::path::Path;

/// Opens a GGUF file or a Hugging Face folder, whichever is at `path`. Of a GGUF model in several files any may be given;
/// it is an error where the others are not beside it.
pub fn open_model(
    path: impl AsRef<Path>,
    catalogue: &FormatCatalogue,
) -> Result<Box<dyn TensorSource>, StoreError> {
    let path = path.as_ref();
    if path.is_dir() {
        Ok(Box::new(HfFolder::open(path)?))
    } else {
        gguf::open_whole(path, |path| GgufFile::open(path, catalogue))
    }
}

/// Like [`open_model`], with the weights of a GGUF file in memory of our own ([`GgufFile::load`]): to run it.
pub fn load_model(
    path: impl AsRef<Path>,
    catalogue: &FormatCatalogue,
) -> Result<Box<dyn TensorSource>, StoreError> {
    let path = path.as_ref();
    if path.is_dir() {
        return open_model(path, catalogue);
    }
    gguf::open_whole(path, |path| GgufFile::load(path, catalogue))
}
