//! What is finished, on disk beside the output: a run that was killed goes on where it was.
//!
//! `OUTPUT.resume` holds a GGUF file with the rounded tensors of each finished block, one with the residual streams
//! behind the last of them, and what was measured for a budget. All carry a key of everything that they depend on;
//! what has another key, or is damaged, counts as absent. A finished run removes the folder.

use super::convert::{TensorReport, Tools};
use super::plan::PlannedTensor;
use crate::context::Context;
use crate::floats;
use anyhow::{Context as _, Result};
use domain_types::{FormatCatalogue, Metadata, QuantTensor, Shape, TensorInfo, TensorSource};
use model_store::{GgufFile, GgufWriter, VerifyStatus};
use std::path::{Path, PathBuf};

const KEY: &str = "pibit.resume.key";
const LAYER: &str = "pibit.resume.layer";
const PROXY_LOSSES: &str = "pibit.resume.proxy_losses";
const STREAMS: &str = "streams";
const ORIGINAL: &str = "original";
const ROUNDED: &str = "rounded";

/// A folder of finished parts.
pub(crate) struct Checkpoint<'a> {
    catalogue: &'a FormatCatalogue,
    folder: PathBuf,
    key: String,
}

/// Residual streams in front of a block.
pub(super) struct Streams {
    pub(super) layer: usize,
    pub(super) original: Vec<f32>,
    pub(super) rounded: Vec<f32>,
}

impl<'a> Checkpoint<'a> {
    /// Of a run that writes `output`; `depends_on` says all that its result depends on.
    pub(crate) fn new(context: &'a Context, output: &Path, depends_on: &str) -> Self {
        let mut folder = output.as_os_str().to_owned();
        folder.push(".resume");
        let key = model_store::sha256_bytes(depends_on.as_bytes());
        Self { catalogue: &context.catalogue, folder: folder.into(), key }
    }

    /// Removes everything: the run is finished.
    pub(crate) fn clear(&self) -> Result<()> {
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("could not remove {}", self.folder.display()))
            }
            _ => Ok(()),
        }
    }

    /// Keeps the tensors of a part, such as `block-3`.
    pub(super) fn save(&self, part: &str, tensors: &[(QuantTensor, TensorReport)]) -> Result<()> {
        let losses = tensors.iter().map(|(_, report)| report.proxy_loss.unwrap_or(f64::NAN).to_string());
        let mut metadata = Metadata::new();
        metadata.set(PROXY_LOSSES, losses.collect::<Vec<_>>());
        self.write(part, metadata, tensors.iter().map(|(tensor, report)| (report.name.as_str(), tensor)))
    }

    /// The tensors of a part, if it is finished.
    pub(super) fn load(
        &self,
        part: &str,
        tools: Tools<'_>,
        source: &dyn TensorSource,
        planned: &[&PlannedTensor],
    ) -> Result<Option<Vec<(QuantTensor, TensorReport)>>> {
        let Some(file) = self.read(part) else { return Ok(None) };
        let losses =
            file.metadata().get(PROXY_LOSSES).and_then(|value| value.as_strings()).unwrap_or_default();
        if file.tensors().len() != planned.len() || losses.len() != planned.len() {
            return Ok(None);
        }
        let mut tensors = Vec::with_capacity(planned.len());
        for (info, loss) in file.tensors().iter().zip(losses) {
            let Some(planned) = planned.iter().find(|planned| planned.source.name == info.name) else {
                return Ok(None);
            };
            let tensor = file.tensor(&info.name)?;
            let loss = loss.parse().ok().filter(|loss: &f64| !loss.is_nan());
            let report = TensorReport::again(tools, source, planned, &tensor, loss)?;
            tensors.push((tensor, report));
        }
        Ok(Some(tensors))
    }

    /// Keeps the residual streams in front of a block.
    pub(super) fn save_streams(&self, layer: usize, original: &[f32], rounded: &[f32]) -> Result<()> {
        let tensor = |values: &[f32]| -> Result<QuantTensor> {
            Ok(floats::tensor(Shape::vector(values.len())?, values)?)
        };
        let (original, rounded) = (tensor(original)?, tensor(rounded)?);
        let mut metadata = Metadata::new();
        metadata.set(LAYER, layer as u64);
        self.write(STREAMS, metadata, [(ORIGINAL, &original), (ROUNDED, &rounded)].into_iter())
    }

    /// The residual streams that were kept last.
    pub(super) fn streams(&self) -> Option<Streams> {
        let file = self.read(STREAMS)?;
        let values = |name: &str| floats::values(&file.tensor(name).ok()?);
        let layer = usize::try_from(file.metadata().u64(LAYER)?).ok()?;
        Some(Streams { layer, original: values(ORIGINAL)?, rounded: values(ROUNDED)? })
    }

    /// Keeps a text, such as what was measured.
    pub(super) fn save_text(&self, part: &str, text: &str) -> Result<()> {
        let mut metadata = Metadata::new();
        metadata.set("text", text);
        self.write(part, metadata, std::iter::empty())
    }

    /// A text that was kept.
    pub(super) fn text(&self, part: &str) -> Option<String> {
        self.read(part)?.metadata().str("text").map(ToOwned::to_owned)
    }

    fn write<'t>(
        &self,
        part: &str,
        mut metadata: Metadata,
        tensors: impl Iterator<Item = (&'t str, &'t QuantTensor)> + Clone,
    ) -> Result<()> {
        let failed = || format!("could not keep what is finished in {}", self.folder.display());
        std::fs::create_dir_all(&self.folder).with_context(failed)?;
        metadata.set(KEY, self.key.as_str());
        let infos =
            tensors.clone().map(|(name, tensor)| TensorInfo::new(name, *tensor.format(), *tensor.shape()));
        let infos = infos.collect::<Result<Vec<_>, _>>()?;
        let mut writer = GgufWriter::create(self.path(part), metadata, infos, None).with_context(failed)?;
        for (name, tensor) in tensors {
            writer.push(name, tensor).with_context(failed)?;
        }
        writer.finish().with_context(failed)?;
        Ok(())
    }

    /// A part with this key and sound checksums.
    fn read(&self, part: &str) -> Option<GgufFile> {
        let file = GgufFile::open(self.path(part), self.catalogue).ok()?;
        let sound = file.metadata().str(KEY) == Some(&self.key)
            && model_store::verify(&file).is_ok_and(|report| report.status == VerifyStatus::Intact);
        sound.then_some(file)
    }

    fn path(&self, part: &str) -> PathBuf {
        self.folder.join(format!("{part}.gguf"))
    }
}
