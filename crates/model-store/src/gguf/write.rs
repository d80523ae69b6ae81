//! GGUF v3 files that carry their own checksums.

#[cfg(feature = "fs")]
mod atomic_file;
mod encode;
mod header;

#[cfg(feature = "fs")]
pub use atomic_file::AtomicFile;

use super::DEFAULT_ALIGNMENT;
use crate::StoreError;
use crate::provenance::{self, key};
use domain_types::{Metadata, QuantTensor, TensorInfo};
use header::Header;
use std::io::{Cursor, Seek, SeekFrom, Write};

/// Writes a GGUF file tensor by tensor, so memory stays at one tensor.
///
/// The descriptions of all tensors are given first; then [`push`](Self::push) takes them in that order, and
/// [`finish`](Self::finish) fills in the checksums and publishes the file. Until then nothing is at the file's name,
/// and whatever was there before stays; a writer that is dropped leaves nothing behind.
#[derive(Debug)]
pub struct GgufWriter<W> {
    out: W,
    file: String,
    metadata: Metadata,
    tensors: Vec<TensorInfo>,
    hashes: Vec<String>,
    written: u64,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct WriteReport {
    /// Size of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of metadata and tensor descriptions, hexadecimal.
    pub config_sha256: String,
}

#[cfg(feature = "fs")]
impl GgufWriter<AtomicFile> {
    /// Starts a file that appears at `path` when it is finished; otherwise like
    /// [`in_memory`](GgufWriter::in_memory). [`source_sha256`](crate::source_sha256) gives a model's checksum.
    pub fn create(
        path: impl AsRef<std::path::Path>,
        metadata: Metadata,
        tensors: Vec<TensorInfo>,
        source_sha256: Option<&str>,
    ) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let header = Header::prepare(path.display().to_string(), metadata, tensors, source_sha256)?;
        Self::start(header, AtomicFile::create(path)?)
    }

    /// Fills in the checksums, waits for the disk and publishes the file under its name.
    pub fn finish(mut self) -> Result<WriteReport, StoreError> {
        let report = self.seal()?;
        self.out.commit()?;
        Ok(report)
    }
}

impl GgufWriter<Cursor<Vec<u8>>> {
    /// Starts a file in memory; `source_sha256` is the checksum of what the model was made from, `None`
    /// where there is no such thing.
    ///
    /// Keys that describe a file rather than a model (`general.alignment`, `pibit.tensor.*`, `pibit.*.sha256`,
    /// `pibit.version`) are replaced.
    pub fn in_memory(
        metadata: Metadata,
        tensors: Vec<TensorInfo>,
        source_sha256: Option<&str>,
    ) -> Result<Self, StoreError> {
        let header = Header::prepare("<bytes>".into(), metadata, tensors, source_sha256)?;
        Self::start(header, Cursor::new(Vec::new()))
    }

    /// Fills in the checksums and hands out the file's bytes.
    pub fn finish(mut self) -> Result<Vec<u8>, StoreError> {
        self.seal()?;
        Ok(self.out.into_inner())
    }
}

/// Size of the file that a [`GgufWriter`] would write.
pub fn planned_bytes(
    metadata: Metadata,
    tensors: Vec<TensorInfo>,
    source_sha256: Option<&str>,
) -> Result<u64, StoreError> {
    let Header { tensors, bytes, .. } = Header::prepare("<plan>".into(), metadata, tensors, source_sha256)?;
    let mut size = (bytes.len() as u64).next_multiple_of(DEFAULT_ALIGNMENT);
    for tensor in &tensors {
        size += (tensor.format.byte_len(&tensor.shape)? as u64).next_multiple_of(DEFAULT_ALIGNMENT);
    }
    Ok(size)
}

impl<W: Write + Seek> GgufWriter<W> {
    fn start(header: Header, out: W) -> Result<Self, StoreError> {
        let Header { file, metadata, tensors, bytes } = header;
        let mut writer = Self { out, file, metadata, tensors, hashes: Vec::new(), written: 0 };
        writer.write(&bytes)?;
        writer.pad()?;
        Ok(writer)
    }

    /// Writes the next tensor: it must be the one described next, in the format and shape described.
    pub fn push(&mut self, name: &str, tensor: &QuantTensor) -> Result<(), StoreError> {
        let Some(next) = self.tensors.get(self.hashes.len()) else {
            return Err(self.refuse(format!("`{name}` is one tensor more than was described")));
        };
        let (format, shape) = (tensor.format(), tensor.shape());
        if (name, format, shape) != (next.name.as_str(), &next.format, &next.shape) {
            let expected = format!("`{}` ({} {})", next.name, next.format, next.shape);
            return Err(self.refuse(format!("expected tensor {expected}, got `{name}` ({format} {shape})")));
        }
        self.hashes.push(provenance::sha256_bytes(tensor.bytes()));
        self.write(tensor.bytes())?;
        self.pad()
    }

    fn seal(&mut self) -> Result<WriteReport, StoreError> {
        if let Some(missing) = self.tensors.get(self.hashes.len()) {
            return Err(self.refuse(format!("tensor `{}` was described but not written", missing.name)));
        }
        let config_sha256 = config_sha256(&self.metadata, &self.tensors);
        self.metadata.set(key::CONFIG_SHA256, config_sha256.as_str());
        self.metadata.set(key::TENSOR_SHA256, std::mem::take(&mut self.hashes));
        let bytes = self.written;
        self.seek_to_start()?;
        self.write(&encode::header(&self.metadata, &self.tensors))?;
        self.out.flush().map_err(|e| self.io("cannot write", e))?;
        Ok(WriteReport { bytes, config_sha256 })
    }

    fn seek_to_start(&mut self) -> Result<(), StoreError> {
        self.out.seek(SeekFrom::Start(0)).map(drop).map_err(|e| self.io("cannot go back to its start", e))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.out.write_all(bytes).map_err(|e| self.io("cannot write (is the disk full?)", e))?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    fn pad(&mut self) -> Result<(), StoreError> {
        let gap = self.written.next_multiple_of(DEFAULT_ALIGNMENT) - self.written;
        self.write(&[0; DEFAULT_ALIGNMENT as usize][..gap as usize])
    }
}

impl<W> GgufWriter<W> {
    fn refuse(&self, reason: String) -> StoreError {
        StoreError::Write { file: self.file.clone(), reason }
    }

    fn io(&self, action: &'static str, source: std::io::Error) -> StoreError {
        StoreError::Io { file: self.file.clone(), action, source }
    }
}

/// SHA-256 of everything that a file says besides its checksums: its header as this crate writes it, without
/// `pibit.config.sha256` and `pibit.tensor.sha256`.
pub(crate) fn config_sha256(metadata: &Metadata, tensors: &[TensorInfo]) -> String {
    let mut metadata = metadata.clone();
    metadata.remove(key::CONFIG_SHA256);
    metadata.remove(key::TENSOR_SHA256);
    provenance::sha256_bytes(&encode::header(&metadata, tensors))
}
