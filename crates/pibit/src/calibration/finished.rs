//! What of a calibration is finished: the inputs of each finished block, and the residual stream behind the last.

use super::collect::CollectedInput;
use crate::floats;
use crate::resume::{ResumeFolder, numbers};
use anyhow::Result;
use domain_types::{Metadata, Shape, TensorSource};

const FINDINGS: &str = "pibit.resume.findings";
const LAYER: &str = "pibit.resume.layer";
const STREAM: &str = "stream";

/// Blocks that need not be streamed again.
pub(super) struct Finished {
    /// Their inputs, in the order of the file.
    pub(super) inputs: Vec<CollectedInput>,
    /// The residual stream in front of the next block.
    pub(super) stream: Vec<f32>,
    /// That block.
    pub(super) layer: usize,
}

/// Keeps the inputs of a block.
pub(super) fn save_block(folder: &ResumeFolder<'_>, layer: usize, inputs: &[CollectedInput]) -> Result<()> {
    let findings = inputs.iter().map(|input| serde_json::to_string(&input.finding));
    let mut metadata = Metadata::new();
    metadata.set(FINDINGS, findings.collect::<Result<Vec<_>, _>>()?);
    let tensors = inputs.iter().flat_map(|input| &input.tensors);
    folder.write(&block(layer), metadata, tensors.map(|(name, tensor)| (name.as_str(), tensor)))
}

/// Keeps the residual stream in front of a block.
pub(super) fn save_stream(folder: &ResumeFolder<'_>, layer: usize, stream: &[f32]) -> Result<()> {
    let tensor = floats::tensor(Shape::vector(stream.len())?, stream)?;
    let mut metadata = Metadata::new();
    metadata.set(LAYER, layer as u64);
    folder.write(STREAM, metadata, std::iter::once((STREAM, &tensor)))
}

/// What was kept, if it is whole.
pub(super) fn load(folder: &ResumeFolder<'_>) -> Option<Finished> {
    let kept = folder.read(STREAM)?;
    let layer = usize::try_from(kept.metadata().u64(LAYER)?).ok()?;
    let inputs = (0..layer).map(|layer| load_block(folder, layer)).collect::<Option<Vec<_>>>()?;
    Some(Finished { inputs: inputs.into_iter().flatten().collect(), stream: numbers(&kept, STREAM)?, layer })
}

fn load_block(folder: &ResumeFolder<'_>, layer: usize) -> Option<Vec<CollectedInput>> {
    let file = folder.read(&block(layer))?;
    let mut names = file.tensors().iter().map(|info| info.name.clone());
    let findings = file.metadata().get(FINDINGS)?.as_strings()?;
    let input = |finding: &String| {
        let finding: super::InputFinding = serde_json::from_str(finding).ok()?;
        let names = names.by_ref().take(1 + 2 * finding.tensors.len());
        let tensors = names.map(|name| Some((name.clone(), file.tensor(&name).ok()?)));
        Some(CollectedInput { tensors: tensors.collect::<Option<_>>()?, finding })
    };
    findings.iter().map(input).collect()
}

fn block(layer: usize) -> String {
    format!("block-{layer}")
}
