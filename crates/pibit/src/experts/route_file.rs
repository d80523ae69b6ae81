//! A recorded trace that appears whole or not at all.

use anyhow::{Context as _, Result};
use model_store::AtomicFile;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// A file that a router writes while a model runs, and its maker completes afterwards.
#[derive(Clone)]
pub(crate) struct RouteFile(Arc<Mutex<Option<BufWriter<AtomicFile>>>>);

impl RouteFile {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file = AtomicFile::create(path).context("routes cannot be recorded")?;
        Ok(Self(Arc::new(Mutex::new(Some(BufWriter::new(file))))))
    }

    /// Gives the file its name; what is written later is an error.
    pub(crate) fn finish(&self) -> Result<()> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(writer) = taken else { return Ok(()) };
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error);
        file.context("the recorded routes could not be written")?.commit()?;
        Ok(())
    }

    fn with<T>(&self, write: impl FnOnce(&mut BufWriter<AtomicFile>) -> io::Result<T>) -> io::Result<T> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.as_mut().map_or_else(|| Err(io::Error::other("the recording has ended")), write)
    }
}

impl Write for RouteFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with(Write::flush)
    }
}
