//! Streams a data set through a model, layer by layer.

use super::Dataset;
use crate::context::Context;
use anyhow::Result;
use domain_types::{InputObserver, TensorSource};
use inference::BlockStream;
use quant_core::{Activations, Codecs, InputMoments, LayerMoments};

/// Linear layers that read the same inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SharedInput {
    pub(crate) tensors: Vec<String>,
    pub(crate) width: usize,
}

/// Hands out the moments of each distinct input as soon as its layer is done, in the order of
/// [`shared_inputs`]. Memory: the residual streams of all chunks in F32, one block and its moments.
pub(crate) fn collect(
    context: &Context,
    source: &dyn TensorSource,
    dataset: &Dataset,
    done: &mut dyn FnMut(&LayerMoments) -> Result<()>,
) -> Result<()> {
    let _span = tracing::info_span!("calibrate", chunks = dataset.chunks.len()).entered();
    let codecs = Codecs::new(Activations::F32);
    let parts = dataset.tokens_by_source();
    let mut stream = BlockStream::new(source, &codecs, &dataset.chunks)?;
    let bar = context.progress.bar("calibrate", source.spec()?.layers as u64 + 1);
    bar.tick();
    loop {
        let mut moments = InputMoments::of_parts(&parts);
        let last = stream.layer().is_none();
        if last {
            stream.observe_head(&mut moments)?;
        } else {
            stream.advance(source, Some(&mut moments))?;
        }
        moments.take().iter().try_for_each(&mut *done)?;
        bar.inc(1);
        if last {
            bar.finish_and_clear();
            return Ok(());
        }
    }
}

/// Which layers share inputs, found by running one token through the model.
pub(crate) fn shared_inputs(source: &dyn TensorSource) -> Result<Vec<SharedInput>> {
    let codecs = Codecs::new(Activations::F32);
    let mut stream = BlockStream::new(source, &codecs, &[vec![0]])?;
    let mut names = Names::default();
    while stream.layer().is_some() {
        stream.advance(source, Some(&mut names))?;
    }
    stream.observe_head(&mut names)?;
    Ok(names.inputs)
}

#[derive(Default)]
struct Names {
    inputs: Vec<SharedInput>,
}

impl InputObserver for Names {
    fn observe(&mut self, tensors: &[&str], width: usize, _rows: &[f32]) {
        let tensors = tensors.iter().map(|&name| name.to_owned()).collect();
        self.inputs.push(SharedInput { tensors, width });
    }
}
