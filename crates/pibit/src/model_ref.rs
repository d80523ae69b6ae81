//! What `MODEL` on the command line means.

use crate::context::Context;
use crate::stage;
use anyhow::{Context as _, Result, bail};
use domain_types::{Bytes, FormatCatalogue, TensorSource};
use model_store::{GgufFile, StoreError};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The embedded default model: see `docs/tiny.md`.
static TINY: &[u8] = include_bytes!("../models/tiny.gguf");

/// The embedded mixture of experts: see `docs/moe.md`.
static TINY_MOE: &[u8] = include_bytes!("../models/tiny-moe.gguf");

/// A model as users name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelRef {
    /// The small model inside this program.
    Tiny,
    /// The small mixture of experts inside this program.
    TinyMoe,
    /// SmolLM2-135M-Instruct in the cache.
    SmolLm2,
    /// A GGUF file or a Hugging Face folder.
    Path(PathBuf),
}

/// Paths need not be UTF-8.
impl From<OsString> for ModelRef {
    fn from(text: OsString) -> Self {
        match text.to_str() {
            Some("tiny") => Self::Tiny,
            Some("tiny-moe") => Self::TinyMoe,
            Some("smollm2") => Self::SmolLm2,
            _ => Self::Path(text.into()),
        }
    }
}

impl FromStr for ModelRef {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(OsString::from(text).into())
    }
}

impl std::fmt::Display for ModelRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tiny => f.write_str("tiny"),
            Self::TinyMoe => f.write_str("tiny-moe"),
            Self::SmolLm2 => f.write_str("smollm2"),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

impl ModelRef {
    /// Opens the model: its file is mapped.
    pub(crate) fn open(&self, context: &Context) -> Result<Box<dyn TensorSource>> {
        self.open_with(context, |path, catalogue| model_store::open_model(path, catalogue))
    }

    /// Reads the model into memory, from which it runs faster.
    pub(crate) fn load(&self, context: &Context) -> Result<Box<dyn TensorSource>> {
        self.open_with(context, |path, catalogue| model_store::load_model(path, catalogue))
    }

    fn open_with(
        &self,
        context: &Context,
        open: impl FnOnce(&Path, &FormatCatalogue) -> Result<Box<dyn TensorSource>, StoreError>,
    ) -> Result<Box<dyn TensorSource>> {
        let _span = stage::open(&self.to_string()).entered();
        let source: Box<dyn TensorSource> = match self.embedded() {
            Some(bytes) => Box::new(GgufFile::from_bytes(Bytes::from_static(bytes), &context.catalogue)?),
            None => open(&self.path()?, &context.catalogue)?,
        };
        context.sink.record(&domain_types::DomainEvent::ModelLoaded {
            model: self.to_string(),
            tensors: source.tensors().len(),
            bytes: stored_bytes(&*source),
        });
        Ok(source)
    }

    /// SHA-256 of the model's bytes, in hexadecimal.
    pub(crate) fn sha256(&self) -> Result<String> {
        let _span = stage::hash(&self.to_string()).entered();
        if let Some(bytes) = self.embedded() {
            return Ok(model_store::sha256_bytes(bytes));
        }
        let path = self.path()?;
        model_store::source_sha256(&path).with_context(|| format!("could not hash {}", path.display()))
    }

    /// Size in bytes: of the file, or of a folder's tensors.
    pub(crate) fn size(&self, source: &dyn TensorSource) -> Result<u64> {
        if let Some(bytes) = self.embedded() {
            return Ok(bytes.len() as u64);
        }
        let path = self.path()?;
        if path.is_dir() {
            return Ok(stored_bytes(source));
        }
        let shards = model_store::shard_paths(&path).filter(|paths| paths.iter().all(|path| path.exists()));
        let sizes = shards.unwrap_or_else(|| vec![path]).into_iter().map(|path| Ok(path.metadata()?.len()));
        sizes.sum()
    }

    /// The file that the model is, if it is one; a folder has no single file.
    pub(crate) fn file(&self) -> Result<Option<PathBuf>> {
        if self.embedded().is_some() {
            return Ok(None);
        }
        let path = self.path()?;
        if path.is_dir() {
            bail!("{} is a folder; quantize it to a GGUF file first", path.display());
        }
        Ok(Some(path))
    }

    /// The bytes of a model that is part of this program.
    fn embedded(&self) -> Option<&'static [u8]> {
        match self {
            Self::Tiny => Some(TINY),
            Self::TinyMoe => Some(TINY_MOE),
            Self::SmolLm2 | Self::Path(_) => None,
        }
    }

    fn path(&self) -> Result<PathBuf> {
        match self {
            Self::Tiny | Self::TinyMoe => bail!("`{self}` is inside this program and has no path"),
            Self::Path(path) => {
                if !path.exists() {
                    bail!(
                        "{} does not exist; MODEL is a GGUF file, a folder, `tiny`, `tiny-moe` or `smollm2`",
                        path.display()
                    );
                }
                Ok(path.clone())
            }
            Self::SmolLm2 => {
                let path = crate::commands::fetch::smollm2_path()?;
                if !path.exists() {
                    bail!(
                        "smollm2 is not in the cache ({}); run `pibit fetch smollm2` first",
                        path.display()
                    );
                }
                Ok(path)
            }
        }
    }
}

/// Bytes of all tensors.
pub(crate) fn stored_bytes(source: &dyn TensorSource) -> u64 {
    source.tensors().iter().filter_map(|t| t.format.byte_len(&t.shape).ok()).map(|n| n as u64).sum()
}
