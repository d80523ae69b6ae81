//! One door for every kind of model.

use crate::{GgufFile, HfFolder, StoreError};
use domain_types::{FormatCatalogue, TensorSource};
use std::path::Path;

/// Opens a GGUF file or a Hugging Face folder, whichever is at `path`.
pub fn open_model(
    path: impl AsRef<Path>,
    catalogue: &FormatCatalogue,
) -> Result<Box<dyn TensorSource>, StoreError> {
    let path = path.as_ref();
    if path.is_dir() {
        Ok(Box::new(HfFolder::open(path)?))
    } else {
        Ok(Box::new(GgufFile::open(path, catalogue)?))
    }
}
