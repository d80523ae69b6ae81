//! What of a quantization is finished, see [`ResumeFolder`]: the rounded tensors of each finished block, the residual
//! streams behind the last of them, and what was measured for a budget.

use super::convert::{TensorReport, Tools};
use super::plan::PlannedTensor;
use crate::context::Context;
use crate::floats;
use crate::resume::{ResumeFolder, numbers};
use anyhow::Result;
use domain_types::{Metadata, QuantTensor, Shape, TensorSource};
use std::path::Path;

const LAYER: &str = "pibit.resume.layer";
const PROXY_LOSSES: &str = "pibit.resume.proxy_losses";
const STREAMS: &str = "streams";
const ORIGINAL: &str = "original";
const ROUNDED: &str = "rounded";

/// The finished parts of a quantization.
pub(crate) struct Checkpoint<'a>(ResumeFolder<'a>);

/// Residual streams in front of a block.
pub(super) struct Streams {
    pub(super) layer: usize,
    pub(super) original: Vec<f32>,
    pub(super) rounded: Vec<f32>,
}

impl<'a> Checkpoint<'a> {
    /// Of a run that writes `output`; `depends_on` says all that its result depends on.
    pub(crate) fn new(context: &'a Context, output: &Path, depends_on: &str) -> Self {
        Self(ResumeFolder::new(context, output, depends_on))
    }

    /// Removes everything: the run is finished.
    pub(crate) fn clear(&self) -> Result<()> {
        self.0.clear()
    }

    /// Keeps the tensors of a part, such as `block-3`.
    pub(super) fn save(&self, part: &str, tensors: &[(QuantTensor, TensorReport)]) -> Result<()> {
        let losses = tensors.iter().map(|(_, report)| report.proxy_loss.unwrap_or(f64::NAN).to_string());
        let mut metadata = Metadata::new();
        metadata.set(PROXY_LOSSES, losses.collect::<Vec<_>>());
        self.0.write(part, metadata, tensors.iter().map(|(tensor, report)| (report.name.as_str(), tensor)))
    }

    /// The tensors of a part, if it is finished.
    pub(super) fn load(
        &self,
        part: &str,
        tools: Tools<'_>,
        source: &dyn TensorSource,
        planned: &[&PlannedTensor],
    ) -> Result<Option<Vec<(QuantTensor, TensorReport)>>> {
        let Some(file) = self.0.read(part) else { return Ok(None) };
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
        self.0.write(STREAMS, metadata, [(ORIGINAL, &original), (ROUNDED, &rounded)].into_iter())
    }

    /// The residual streams that were kept last.
    pub(super) fn streams(&self) -> Option<Streams> {
        let file = self.0.read(STREAMS)?;
        let layer = usize::try_from(file.metadata().u64(LAYER)?).ok()?;
        Some(Streams { layer, original: numbers(&file, ORIGINAL)?, rounded: numbers(&file, ROUNDED)? })
    }

    /// Keeps a text, such as what was measured.
    pub(super) fn save_text(&self, part: &str, text: &str) -> Result<()> {
        let mut metadata = Metadata::new();
        metadata.set("text", text);
        self.0.write(part, metadata, std::iter::empty())
    }

    /// A text that was kept.
    pub(super) fn text(&self, part: &str) -> Option<String> {
        self.0.read(part)?.metadata().str("text").map(ToOwned::to_owned)
    }
}
