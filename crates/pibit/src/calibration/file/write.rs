//! Writing a calibration, layer by layer.

use super::super::Dataset;
use super::super::collect::{CollectedInput, SharedInput};
use super::{counts_name, hessian_name, key, sums_name, triangle};
use anyhow::{Context as _, Result};
use domain_types::{Metadata, Shape, TensorInfo, scalar};
use model_store::{AtomicFile, GgufWriter, WriteReport};
use std::path::Path;

/// Version of the format.
pub(super) const VERSION: u32 = 1;

/// Where a calibration comes from.
#[derive(Debug)]
pub(crate) struct Provenance<'a> {
    pub(crate) dataset: &'a Dataset,
    /// Tokens per chunk.
    pub(crate) ctx: usize,
    pub(crate) seed: u64,
    pub(crate) model_sha256: &'a str,
    /// Seconds since 1970; `None` keeps the time out of the file, so that the same input gives the same bytes.
    pub(crate) time: Option<u64>,
}

impl Provenance<'_> {
    fn metadata(&self, inputs: &[SharedInput]) -> Result<Metadata> {
        let sources = &self.dataset.sources;
        let mut metadata = Metadata::new();
        metadata.set(key::TYPE, key::IMATRIX);
        metadata.set(key::DATASETS, sources.iter().map(|s| s.name.clone()).collect::<Vec<_>>());
        metadata.set(key::CHUNK_COUNT, u32::try_from(self.dataset.chunks.len())?);
        metadata.set(key::CHUNK_SIZE, u32::try_from(self.ctx)?);
        metadata.set(key::VERSION, VERSION);
        metadata.set(key::DATASET_SHA256, self.dataset.sha256());
        metadata.set(key::SOURCES_SHA256, sources.iter().map(|s| s.sha256.clone()).collect::<Vec<_>>());
        metadata.set(key::SOURCES_CHUNKS, sources.iter().map(|s| s.chunks as u64).collect::<Vec<_>>());
        let tokens = self.dataset.chunks.iter().flatten().map(|&token| u64::from(token));
        metadata.set(key::DATASET, tokens.collect::<Vec<_>>());
        metadata.set(key::TOKENS, self.dataset.tokens());
        metadata.set(key::SEED, self.seed);
        if let Some(time) = self.time {
            metadata.set(key::TIME, time);
        }
        let layers =
            || inputs.iter().flat_map(|i| i.tensors.iter().map(move |tensor| (tensor, &i.tensors[0])));
        metadata.set(key::TENSORS, layers().map(|(tensor, _)| tensor.clone()).collect::<Vec<_>>());
        metadata.set(key::HESSIANS, layers().map(|(_, owner)| owner.clone()).collect::<Vec<_>>());
        Ok(metadata)
    }
}

/// Writes a calibration file, which appears when it is complete.
pub(crate) struct CalibrationWriter {
    writer: GgufWriter<AtomicFile>,
}

impl CalibrationWriter {
    /// Starts a file for these inputs, which are then pushed in this order.
    pub(crate) fn create(path: &Path, inputs: &[SharedInput], provenance: &Provenance<'_>) -> Result<Self> {
        let metadata = provenance.metadata(inputs)?;
        let mut infos = Vec::new();
        for input in inputs {
            let entries = triangle(input.width).context("the model's layers are too wide for Hessians")?;
            infos.push(TensorInfo::new(
                hessian_name(&input.tensors[0]),
                scalar::F32,
                Shape::vector(entries)?,
            )?);
            for tensor in &input.tensors {
                infos.push(TensorInfo::new(sums_name(tensor), scalar::F32, Shape::vector(input.width)?)?);
                infos.push(TensorInfo::new(counts_name(tensor), scalar::F32, Shape::vector(1)?)?);
            }
        }
        let writer = GgufWriter::create(path, metadata, infos, Some(provenance.model_sha256))?;
        Ok(Self { writer })
    }

    /// Writes what is known of the next input.
    pub(crate) fn push(&mut self, input: &CollectedInput) -> Result<()> {
        Ok(input.tensors.iter().try_for_each(|(name, tensor)| self.writer.push(name, tensor))?)
    }

    /// Publishes the file.
    pub(crate) fn finish(self) -> Result<WriteReport> {
        Ok(self.writer.finish()?)
    }
}
