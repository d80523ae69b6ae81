//! A network run block by block over many texts at once: what calibration needs.

use super::block::Block;
use super::buffer::grown;
use super::ends::Ends;
use super::load;
use super::probe::Probe;
use super::rope::RopePair;
use super::scratch::Scratch;
use super::{BATCH, check_tokens};
use crate::kv_cache::{KvCache, KvOptions};
use crate::{InferenceError, parallel};
use domain_types::{CodecSet, InputObserver, LogitRows, ModelSpec, TensorSource, TokenId};
use std::ops::Range;

/// The residual streams of several chunks of text between two blocks of a network.
///
/// Each chunk is a sequence of its own, attended to causally from an empty cache. Blocks are loaded one at a time, from
/// whichever source each call names: that is how a layer is calibrated on the quantized layers before it.
/// Memory: 4 bytes × tokens of all chunks × width, one block, and the embedding.
///
/// ```text
/// let mut stream = BlockStream::new(&original, &codecs, &chunks)?;
/// while stream.layer().is_some() {
///     stream.observe(&original, &mut inputs)?; // what the block reads; quantize it for that
///     stream.advance(&quantized, None)?;       // on to the next block, through the quantized one
/// }
/// ```
pub struct BlockStream<'a> {
    codecs: &'a dyn CodecSet,
    spec: ModelSpec,
    ends: Ends,
    rope: RopePair,
    /// Of one block.
    cache: KvCache,
    /// Residual streams, chunk after chunk: tokens × width.
    hidden: Vec<f32>,
    /// Where in `hidden` each chunk lies.
    chunks: Vec<Range<usize>>,
    layer: usize,
    scratch: Scratch,
}

impl<'a> BlockStream<'a> {
    /// Looks the tokens of all chunks up in the embedding. Fails where a chunk is empty, is longer than the model's
    /// context or has a token outside the vocabulary, and where [`Transformer::load`](super::Transformer::load) would
    /// refuse the embedding, the output norm or the head.
    pub fn new(
        source: &dyn TensorSource,
        codecs: &'a dyn CodecSet,
        chunks: &[Vec<TokenId>],
    ) -> Result<Self, InferenceError> {
        let spec = load::spec(source)?;
        let longest = chunks.iter().map(Vec::len).max().unwrap_or(0);
        for chunk in chunks {
            check_tokens(chunk, &spec)?;
        }
        if longest > spec.context_length || chunks.iter().any(Vec::is_empty) || chunks.is_empty() {
            return Err(InferenceError::Calibration(format!(
                "needs chunks of 1 to {} tokens; {} chunks of up to {longest} were given",
                spec.context_length,
                chunks.len()
            )));
        }
        let (ends, rope) = load::ends(source, codecs, &spec)?;
        let a = &spec.attention;
        let cache = KvCache::new(1, a.kv_heads, a.head_dim, longest, KvOptions::default());
        let mut hidden = Vec::new();
        let mut ranges = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            let start = hidden.len();
            hidden.resize(start + chunk.len() * spec.width, 0.0);
            ends.embed(chunk, &mut hidden[start..]);
            ranges.push(start..hidden.len());
        }
        let scratch = Scratch::default();
        Ok(Self { codecs, spec, ends, rope, cache, hidden, chunks: ranges, layer: 0, scratch })
    }

    /// The block that comes next; `None` after the last.
    pub fn layer(&self) -> Option<usize> {
        (self.layer < self.spec.layers).then_some(self.layer)
    }

    /// Number of chunks.
    pub fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// The residual stream of a chunk as it enters the next block: tokens × width.
    ///
    /// # Panics
    /// If there is no such chunk.
    pub fn hidden(&self, chunk: usize) -> &[f32] {
        &self.hidden[self.chunks[chunk].clone()]
    }

    /// Shows what the next block, as `source` has it, reads: chunk after chunk. Stays where it is.
    pub fn observe(
        &mut self,
        source: &dyn TensorSource,
        observer: &mut dyn InputObserver,
    ) -> Result<(), InferenceError> {
        self.run(source, Some(observer), false)
    }

    /// Passes through the next block, as `source` has it, and shows what it reads where someone observes.
    pub fn advance(
        &mut self,
        source: &dyn TensorSource,
        observer: Option<&mut dyn InputObserver>,
    ) -> Result<(), InferenceError> {
        self.run(source, observer, true)?;
        self.layer += 1;
        Ok(())
    }

    /// After the last block: shows what the output head reads, chunk after chunk.
    pub fn observe_head(&mut self, observer: &mut dyn InputObserver) -> Result<(), InferenceError> {
        self.check_finished()?;
        let Self { ends, hidden, chunks, scratch, .. } = self;
        parallel::on_the_pool(|| {
            for chunk in chunks {
                ends.observe(&hidden[chunk.clone()], &mut scratch.normed, observer);
            }
        });
        Ok(())
    }

    /// After the last block: writes logits of these rows of a chunk to `logits` (cleared first).
    ///
    /// # Panics
    /// If there is no such chunk.
    pub fn logits(
        &mut self,
        chunk: usize,
        rows: LogitRows,
        logits: &mut Vec<f32>,
    ) -> Result<(), InferenceError> {
        self.check_finished()?;
        logits.clear();
        let (width, chunk) = (self.spec.width, self.chunks[chunk].clone());
        let rows = rows.range(chunk.len() / width);
        let Self { ends, hidden, scratch, .. } = self;
        let hidden = &hidden[chunk.start + rows.start * width..chunk.start + rows.end * width];
        parallel::on_the_pool(|| ends.append_logits(hidden, &mut scratch.normed, logits));
        Ok(())
    }

    fn check_finished(&self) -> Result<(), InferenceError> {
        match self.layer() {
            None => Ok(()),
            Some(layer) => Err(InferenceError::Calibration(format!(
                "the head comes after all {} blocks, and block {layer} is next: advance first",
                self.spec.layers
            ))),
        }
    }

    fn run(
        &mut self,
        source: &dyn TensorSource,
        mut observer: Option<&mut dyn InputObserver>,
        keep: bool,
    ) -> Result<(), InferenceError> {
        let layer = self.layer().ok_or_else(|| {
            InferenceError::Calibration(format!("all {} blocks have been passed", self.spec.layers))
        })?;
        let block = load::lone_block(source, self.codecs, &self.spec, layer)?;
        let Self { spec, rope, cache, hidden, chunks, scratch, .. } = self;
        parallel::on_the_pool(|| {
            for chunk in chunks {
                cache.clear();
                for batch in hidden[chunk.clone()].chunks_mut(BATCH * spec.width) {
                    let observer = observer.as_mut().map(|o| &mut **o as &mut dyn InputObserver);
                    let passed = pass(&block, batch, rope, cache, scratch, &mut Probe::new(layer, observer));
                    if keep {
                        batch.copy_from_slice(passed);
                    }
                }
            }
        });
        Ok(())
    }
}

/// A batch of the residual stream after a block.
fn pass<'s>(
    block: &Block,
    batch: &[f32],
    rope: &mut RopePair,
    cache: &mut KvCache,
    scratch: &'s mut Scratch,
    probe: &mut Probe<'_>,
) -> &'s [f32] {
    let tokens = batch.len() / block.width();
    grown(&mut scratch.hidden, batch.len()).copy_from_slice(batch);
    rope.turn_to(cache.len(), tokens);
    block.forward(0, tokens, rope, cache, scratch, probe);
    cache.advance(tokens);
    &scratch.hidden[..batch.len()]
}
