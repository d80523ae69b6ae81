//! Block after block (EfficientQAT, Chen et al. 2024, arXiv 2407.11062): each block learns to give, from what the
//! rounded blocks before it give, what the block gives in the network in full precision. One block is in memory at a
//! time, and two residual streams.

mod block_course;
mod checkpoint;
mod rows;
mod streams;
#[cfg(test)]
mod tests;

use super::{QatModel, QatPoint, QatRun};
use crate::TrainError;
use crate::network::{Layer, Trainable, f16_tensor, values};
use block_course::BlockCourse;
use burn::tensor::Device;
use checkpoint::{BlockCheckpoint, Notes};
use domain_types::{ModelSpec, QuantTensor};
use serde::{Deserialize, Serialize};
use streams::Streams;

/// What training made of a block.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BlockPoint {
    /// Which block, from 0.
    pub block: usize,
    /// Error of its output where the block was only rounded: mean over positions of ‖student − target‖²/‖target‖².
    pub rounded: f64,
    /// The same after training; not above `rounded`.
    pub trained: f64,
}

/// Trains every block in turn.
pub(super) fn train(
    run: &QatRun<'_>,
    device: &Device,
    progress: &mut dyn FnMut(&QatPoint),
) -> Result<QatModel, TrainError> {
    let spec = run.source.spec()?;
    run.config.validate(spec.context_length)?;
    if run.config.quantization.kv.is_some() {
        let why =
            "quantization.kv has no meaning in mode \"blockwise\"; train for the cache end to end afterwards";
        return Err(TrainError::Config(why.into()));
    }
    let identity = run.identity()?;
    let mut state = begin(run, &spec, &identity)?;
    while state.notes.blocks.len() < spec.layers {
        block(run, &spec, device, &mut state, progress)?;
        if let Some(path) = run.checkpoint {
            state.save(path)?;
        }
    }
    let BlockCheckpoint { notes, mut tensors, .. } = state;
    // The order of a file: the norm of the output comes last.
    tensors.push(untrained(run, "output_norm.weight")?);
    Ok(QatModel { tensors, curve: notes.curve, blocks: notes.blocks, teacher_sha256: None })
}

/// Where the run's checkpoint is, or the start: the embedding rounded, and both streams behind it.
fn begin(run: &QatRun<'_>, spec: &ModelSpec, identity: &str) -> Result<BlockCheckpoint, TrainError> {
    if let Some(path) = run.checkpoint.filter(|path| path.exists()) {
        return BlockCheckpoint::load(path, identity, run.targets);
    }
    let rows = rows::of_run(run)?;
    let (name, tensor) = untrained(run, "token_embd.weight")?;
    let original = unpacked(&name, &run.source.tensor(&name)?)?;
    let rounded = match run.targets.get(&name) {
        Some(target) => target.decode(&tensor)?,
        None => unpacked(&name, &tensor)?,
    };
    let streams = Streams::embed(&rows, spec.width, [&original, &rounded]);
    Ok(BlockCheckpoint { notes: Notes::new(identity), tensors: vec![(name, tensor)], streams })
}

/// Trains the next block and sends both streams through it.
fn block(
    run: &QatRun<'_>,
    spec: &ModelSpec,
    device: &Device,
    state: &mut BlockCheckpoint,
    progress: &mut dyn FnMut(&QatPoint),
) -> Result<(), TrainError> {
    let (index, together) = (state.notes.blocks.len(), run.config.qat.batch_size);
    let layer = Layer::import(run.source, spec, index, &run.recording(device))?;
    state.streams.advance_target(&layer.without_gradients(), together)?;
    let mut course = BlockCourse::begin(run, layer, index)?;
    let untouched = course.student()?.clone();
    let behind = state.streams.output(&untouched.network().without_gradients(), together)?;
    let rounded = state.streams.error(&behind);
    let points = course.run(&state.streams, progress)?;
    let student = course.student()?;
    let output = state.streams.output(&student.network().without_gradients(), together)?;
    let trained = state.streams.error(&output);
    // Few rows can lead a block astray.
    let (kept, output) = if trained <= rounded { (student, output) } else { (&untouched, behind) };
    state.tensors.extend(kept.export()?);
    state.streams.advance_student(output);
    state.notes.curve.extend(points);
    state.notes.blocks.push(BlockPoint { block: index, rounded, trained: trained.min(rounded) });
    Ok(())
}

/// A tensor outside the blocks as a file has it: packed where it has a target, else as it is.
fn untrained(run: &QatRun<'_>, name: &str) -> Result<(String, QuantTensor), TrainError> {
    let original = run.source.tensor(name)?;
    let shape = *original.shape();
    let tensor = match run.targets.get(name) {
        Some(target) => target.encode(&unpacked(name, &original)?, shape)?.0,
        None if shape.dims().len() == 1 => original,
        None => f16_tensor(shape, &unpacked(name, &original)?)?,
    };
    Ok((name.to_owned(), tensor))
}

fn unpacked(name: &str, tensor: &QuantTensor) -> Result<Vec<f32>, TrainError> {
    values(tensor).ok_or_else(|| {
        let reason = format!("it is {}; dequantize the model to f16 or f32 first", tensor.format().id());
        TrainError::Tensor { name: name.to_owned(), reason }
    })
}
