//! Where a model's files come from.

use crate::{StoreError, load};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The files of a model, by name: in a folder, or in memory.
#[derive(Debug, Clone, Copy)]
pub(super) enum Files<'a> {
    Folder(&'a Path),
    Memory(&'a BTreeMap<String, Bytes>),
}

impl Files<'_> {
    /// A file's content; `None` where there is no such file.
    pub(super) fn read(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        match self {
            Self::Memory(files) => Ok(files.get(name).cloned()),
            Self::Folder(folder) => {
                let path = folder.join(name);
                if path.exists() { load::file_bytes(&path).map(Some) } else { Ok(None) }
            }
        }
    }

    /// Whether there is such a file.
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Memory(files) => files.contains_key(name),
            Self::Folder(folder) => folder.join(name).exists(),
        }
    }

    /// Names of all files; those that are not UTF-8 are none of a model.
    pub(super) fn names(&self) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Memory(files) => Ok(files.keys().cloned().collect()),
            Self::Folder(folder) => {
                let entries = folder.read_dir().map_err(StoreError::io(folder, "cannot list this folder"))?;
                Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
            }
        }
    }

    /// A file's content; an error where there is no such file.
    pub(super) fn require(&self, name: &str) -> Result<Bytes, StoreError> {
        match self {
            Self::Folder(folder) => load::file_bytes(&folder.join(name)),
            Self::Memory(files) => files
                .get(name)
                .cloned()
                .ok_or_else(|| StoreError::io(Path::new(name), "cannot open")(ErrorKind::NotFound.into())),
        }
    }

    /// How messages call a file.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.join(name),
            Self::Memory(_) => name.into(),
        }
    }

    /// How messages call all of them.
    pub(super) fn root(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder,
            Self::Memory(_) => Path::new("<bytes>"),
        }
    }

    /// The model's name, where the folder tells it.
    pub(super) fn model_name(&self) -> Option<String> {
        let Self::Folder(folder) = self else { return None };
        Some(folder.canonicalize().ok()?.file_name()?.to_string_lossy().into_owned())
    }
}
