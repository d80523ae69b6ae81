//! A validated GGUF file.

use super::fault::Rejection;
use super::layout::{self, PlacedTensor};
use super::payload;
use super::raw_header::RawHeader;
use crate::{StoreError, spec};
use bytes::Bytes;
use domain_types::{FormatCatalogue, Metadata, ModelSpec, PortError, QuantTensor, TensorInfo, TensorSource};
use std::collections::HashMap;
use std::ops::Range;

/// A GGUF file whose header is known to be sound: holding one means that every listed tensor has a known format, a
/// usable shape, and its bytes inside the file, aligned and apart from all others.
///
/// Tensors are handles on the one buffer or memory map; nothing is copied.
#[derive(Debug, Clone)]
pub struct GgufFile {
    file: String,
    bytes: Bytes,
    version: u32,
    header_len: usize,
    metadata: Metadata,
    infos: Vec<TensorInfo>,
    ranges: Vec<Range<usize>>,
    index: HashMap<String, usize>,
}

impl GgufFile {
    /// Opens a file: mapped with feature `mmap`, read into memory without. Formats that `catalogue` does not list
    /// are refused.
    ///
    /// A mapped file must not be cut short by another program while it is in use (the operating system would end the
    /// process); pibit's own writer replaces files by renaming, which is safe.
    #[cfg(feature = "fs")]
    pub fn open(path: impl AsRef<std::path::Path>, catalogue: &FormatCatalogue) -> Result<Self, StoreError> {
        let path = path.as_ref();
        Self::parse(path.display().to_string(), crate::load::file_bytes(path)?, catalogue)
    }

    /// Reads a file into memory of our own, in huge pages on Linux, where there is enough of it; else like
    /// [`open`](Self::open). For weights that are read again and again: a model that runs.
    #[cfg(feature = "fs")]
    pub fn load(path: impl AsRef<std::path::Path>, catalogue: &FormatCatalogue) -> Result<Self, StoreError> {
        let path = path.as_ref();
        Self::parse(path.display().to_string(), crate::load::resident_bytes(path)?, catalogue)
    }

    /// Reads a file that is already in memory, as in a browser.
    pub fn from_bytes(bytes: impl Into<Bytes>, catalogue: &FormatCatalogue) -> Result<Self, StoreError> {
        Self::parse("<bytes>".into(), bytes.into(), catalogue)
    }

    fn parse(file: String, bytes: Bytes, catalogue: &FormatCatalogue) -> Result<Self, StoreError> {
        match Self::validate(&bytes, catalogue) {
            Ok((header, placed)) => Ok(Self::assemble(file, bytes, header, placed)),
            Err(Rejection { offset, fault }) => Err(StoreError::Gguf { file, offset, fault }),
        }
    }

    fn validate(
        bytes: &[u8],
        catalogue: &FormatCatalogue,
    ) -> Result<(RawHeader, Vec<PlacedTensor>), Rejection> {
        let header = RawHeader::read(bytes)?;
        let mut placed = layout::place(&header, bytes.len(), catalogue)?;
        payload::restore(&mut placed, &header.metadata, catalogue).map_err(|fault| fault.at(header.len))?;
        Ok((header, placed))
    }

    fn assemble(file: String, bytes: Bytes, header: RawHeader, placed: Vec<PlacedTensor>) -> Self {
        let index = placed.iter().enumerate().map(|(i, t)| (t.info.name.clone(), i)).collect();
        let (infos, ranges) = placed.into_iter().map(|t| (t.info, t.range)).unzip();
        let RawHeader { version, metadata, len: header_len, .. } = header;
        Self { file, bytes, version, header_len, metadata, infos, ranges, index }
    }

    /// The path, or `<bytes>`.
    pub fn name(&self) -> &str {
        &self.file
    }

    /// GGUF version: 2 or 3.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The whole file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The header's bytes: magic to the last tensor description, without padding.
    pub fn header(&self) -> &[u8] {
        &self.bytes[..self.header_len]
    }

    /// Where in the file a tensor's bytes lie.
    pub fn byte_range(&self, name: &str) -> Option<Range<usize>> {
        self.index.get(name).map(|&i| self.ranges[i].clone())
    }
}

impl TensorSource for GgufFile {
    fn tensors(&self) -> &[TensorInfo] {
        &self.infos
    }

    fn tensor(&self, name: &str) -> Result<QuantTensor, PortError> {
        let &at = self.index.get(name).ok_or_else(|| StoreError::NoSuchTensor(name.into()))?;
        let info = &self.infos[at];
        Ok(QuantTensor::new(info.format, info.shape, self.bytes.slice(self.ranges[at].clone()))?)
    }

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn spec(&self) -> Result<ModelSpec, PortError> {
        Ok(spec::model_spec(self)?)
    }

    fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.index.get(name).map(|&i| &self.infos[i])
    }
}
