//! Streams a data set through a model, stage by stage.

use super::file::input_tensors;
use super::{DataSource, Dataset, InputFinding, finished};
use crate::context::Context;
use crate::resume::ResumeFolder;
use crate::stage;
use anyhow::Result;
use domain_types::{QuantTensor, TensorSource};
use inference::{Stage, StageStream};
use quant_core::{Activations, Codecs, InputMoments, LayerMoments};

/// Linear layers that read the same inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SharedInput {
    pub(crate) tensors: Vec<String>,
    pub(crate) width: usize,
}

/// What a calibration knows of one input.
pub(crate) struct CollectedInput {
    /// What the calibration file holds of it, in its order.
    pub(crate) tensors: Vec<(String, QuantTensor)>,
    pub(crate) finding: InputFinding,
}

impl CollectedInput {
    pub(super) fn new(moments: &LayerMoments, sources: &[DataSource]) -> Result<Self> {
        Ok(Self { tensors: input_tensors(moments)?, finding: InputFinding::new(moments, sources) })
    }
}

/// Hands out what is known of each distinct input as soon as its block is complete, in the order of [`shared_inputs`].
/// Blocks that `folder` holds are not streamed again. Memory: residual streams and inputs of all chunks in F32, the
/// layers of one stage, the moments of one block.
pub(crate) fn collect(
    context: &Context,
    source: &dyn TensorSource,
    dataset: &Dataset,
    folder: &ResumeFolder<'_>,
    done: &mut dyn FnMut(CollectedInput) -> Result<()>,
) -> Result<()> {
    let _span = stage::calibrate(dataset.chunks.len()).entered();
    let codecs = Codecs::new(Activations::F32);
    let mut stream = StageStream::new(source, &codecs, &dataset.chunks)?;
    let layers = source.spec()?.layers;
    let bar = context.progress.bar("calibrate", layers as u64 + 1);
    bar.tick();
    if let Some(finished) = finished::load(folder) {
        context.progress.note(&format!("going on at block {}", finished.layer));
        stream.resume(source, finished.layer, finished.stream)?;
        finished.inputs.into_iter().try_for_each(&mut *done)?;
        bar.inc(finished.layer as u64);
    }
    while let Some(layer) = stream.stage().layer() {
        let mut inputs = Vec::new();
        while stream.stage().layer() == Some(layer) {
            inputs.extend(observe(&stream, layer, dataset)?);
            stage::pass(layer).in_scope(|| stream.pass(source))?;
        }
        finished::save_block(folder, layer, &inputs)?;
        if stream.stage() != Stage::Head {
            finished::save_stream(folder, layer + 1, stream.hidden())?;
        }
        inputs.into_iter().try_for_each(&mut *done)?;
        bar.inc(1);
    }
    observe(&stream, layers, dataset)?.into_iter().try_for_each(done)?;
    bar.finish_and_clear();
    Ok(())
}

/// What the linear layers of a stage read; `layer` is its block, of the head the number of blocks.
fn observe(stream: &StageStream<'_>, layer: usize, dataset: &Dataset) -> Result<Vec<CollectedInput>> {
    stage::observe(layer, stream.inputs().len()).in_scope(|| {
        let mut moments = InputMoments::of_parts(&dataset.tokens_by_source());
        stream.show(&mut moments);
        moments.take().iter().map(|moments| CollectedInput::new(moments, &dataset.sources)).collect()
    })
}

/// Which layers share inputs, found by running one token through the model.
pub(crate) fn shared_inputs(source: &dyn TensorSource) -> Result<Vec<SharedInput>> {
    let codecs = Codecs::new(Activations::F32);
    let mut stream = StageStream::new(source, &codecs, &[vec![0]])?;
    let mut shared = Vec::new();
    loop {
        shared.push(SharedInput { tensors: stream.tensors(), width: stream.inputs().len() });
        if stream.stage() == Stage::Head {
            return Ok(shared);
        }
        stream.pass(source)?;
    }
}
