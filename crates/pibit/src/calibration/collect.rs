//! Streams a data set through a model, stage by stage.

use super::Dataset;
use crate::context::Context;
use crate::stage;
use anyhow::Result;
use domain_types::TensorSource;
use inference::{Stage, StageStream};
use quant_core::{Activations, Codecs, InputMoments, LayerMoments};

/// Linear layers that read the same inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SharedInput {
    pub(crate) tensors: Vec<String>,
    pub(crate) width: usize,
}

/// Hands out the moments of each distinct input as soon as they are complete, in the order of [`shared_inputs`].
/// Memory: residual streams and inputs of all chunks in F32, the layers of one stage and their moments.
pub(crate) fn collect(
    context: &Context,
    source: &dyn TensorSource,
    dataset: &Dataset,
    done: &mut dyn FnMut(&LayerMoments) -> Result<()>,
) -> Result<()> {
    let _span = stage::calibrate(dataset.chunks.len()).entered();
    let codecs = Codecs::new(Activations::F32);
    let parts = dataset.tokens_by_source();
    let mut stream = StageStream::new(source, &codecs, &dataset.chunks)?;
    let layers = source.spec()?.layers;
    let bar = context.progress.bar("calibrate", layers as u64 * Stage::OF_A_BLOCK as u64 + 1);
    bar.tick();
    loop {
        let mut moments = InputMoments::of_parts(&parts);
        let (layer, inputs) = (layer_of(&stream, layers), stream.inputs().len());
        stage::observe(layer, inputs).in_scope(|| {
            stream.show(&mut moments);
            moments.take().iter().try_for_each(&mut *done)
        })?;
        bar.inc(1);
        if stream.stage() == Stage::Head {
            bar.finish_and_clear();
            return Ok(());
        }
        stage::pass(layer).in_scope(|| stream.pass(source))?;
    }
}

/// The block of a stage; of the head, the number of blocks.
fn layer_of(stream: &StageStream<'_>, layers: usize) -> usize {
    stream.stage().layer().unwrap_or(layers)
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
