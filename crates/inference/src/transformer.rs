//! A decoder-only transformer, as its [`ModelSpec`] describes it.
//!
//! There is one network for all families. What differs (biases, norms of q and k, norms after each half of a block,
//! windows, activation, rotation) is data in the specification.

mod attention;
mod block;
mod buffer;
mod feed_forward;
mod gemm;
mod load;
mod norm;
mod project;
mod rope;
mod scratch;

pub use load::LoadOptions;

use crate::InferenceError;
use crate::kv_cache::KvCache;
use crate::parallel;
use block::Block;
use buffer::grown;
use domain_types::{CodecSet, Linear, LogitRows, ModelSpec, PortError, TensorSource, TokenId, TokenModel};
use norm::RmsNorm;
use project::project;
use rope::RopePair;
use scratch::Scratch;
use std::ops::Range;

/// Tokens that pass through the network together: enough that decoding a packed weight is shared by many tokens,
/// few enough that activations stay small (llama.cpp's `n_ubatch`).
const BATCH: usize = 512;

/// A transformer with its weights and key–value cache.
///
/// Cloning is not offered: weights may be gigabytes. Load twice from the same mapped source to run two sequences.
pub struct Transformer {
    spec: ModelSpec,
    embedding: Box<dyn Linear>,
    blocks: Vec<Block>,
    output_norm: RmsNorm,
    /// `None` where the embedding is the output head.
    head: Option<Box<dyn Linear>>,
    rope: RopePair,
    cache: KvCache,
    scratch: Scratch,
}

impl Transformer {
    /// Takes the weights out of `source`, under their GGUF names, through the codec of each tensor's format.
    ///
    /// Fails where the specification contradicts itself, a tensor is missing, has another shape than the
    /// specification asks for or has no place in the network, a format has no codec, or the context in `options`
    /// is longer than the model was made for.
    pub fn load(
        source: &dyn TensorSource,
        codecs: &dyn CodecSet,
        options: LoadOptions,
    ) -> Result<Self, InferenceError> {
        load::load(source, codecs, options)
    }

    /// What network this is.
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// Bytes of packed weights that one decoded token reads (the embedding counts where it is the output head).
    pub fn weight_bytes(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(Block::weight_bytes).sum();
        blocks + self.head().weight_bytes()
    }

    /// Bytes of memory that the key–value cache has taken so far.
    pub fn kv_bytes(&self) -> usize {
        self.cache.bytes()
    }

    fn head(&self) -> &dyn Linear {
        self.head.as_deref().unwrap_or(&*self.embedding)
    }

    fn check(&self, tokens: &[TokenId]) -> Result<(), InferenceError> {
        let vocab_size = self.spec.vocab_size;
        if let Some(&token) = tokens.iter().find(|&&t| t as usize >= vocab_size) {
            return Err(InferenceError::UnknownToken { token, vocab_size });
        }
        let (used, capacity) = (self.cache.len(), self.cache.capacity());
        if tokens.len() > capacity - used {
            return Err(InferenceError::ContextFull { tokens: tokens.len(), used, capacity });
        }
        Ok(())
    }

    /// Runs a batch through all blocks; leaves the residual stream in `scratch.hidden` and the cache longer.
    fn run_blocks(&mut self, tokens: &[TokenId]) {
        let Self { spec, embedding, blocks, rope, cache, scratch, .. } = self;
        let hidden = grown(&mut scratch.hidden, tokens.len() * spec.width);
        for (row, &token) in hidden.chunks_exact_mut(spec.width).zip(tokens) {
            embedding.row(token as usize, row);
            if spec.embedding_scale != 1.0 {
                for x in row {
                    *x *= spec.embedding_scale;
                }
            }
        }
        rope.turn_to(cache.len(), tokens.len());
        for (layer, block) in blocks.iter().enumerate() {
            block.forward(layer, tokens.len(), rope, cache, scratch);
        }
        cache.advance(tokens.len());
    }

    /// Appends logits of these rows of the last batch.
    fn write_logits(&mut self, rows: Range<usize>, logits: &mut Vec<f32>) {
        let (width, vocab) = (self.spec.width, self.spec.vocab_size);
        if rows.is_empty() {
            return;
        }
        let Scratch { hidden, normed, .. } = &mut self.scratch;
        let normed = grown(normed, rows.len() * width);
        self.output_norm.normalize(&hidden[rows.start * width..rows.end * width], normed);
        let start = logits.len();
        logits.resize(start + rows.len() * vocab, 0.0);
        let head = self.head.as_deref().unwrap_or(&*self.embedding);
        project(head, normed, rows.len(), &mut logits[start..]);
        if let Some(cap) = self.spec.logit_softcap {
            logits[start..].iter_mut().for_each(|x| *x = cap * (*x / cap).tanh());
        }
    }
}

impl TokenModel for Transformer {
    fn vocab_size(&self) -> usize {
        self.spec.vocab_size
    }

    fn context_length(&self) -> usize {
        self.cache.capacity()
    }

    fn position(&self) -> usize {
        self.cache.len()
    }

    fn reset(&mut self) {
        self.cache.clear();
    }

    fn forward(
        &mut self,
        tokens: &[TokenId],
        rows: LogitRows,
        logits: &mut Vec<f32>,
    ) -> Result<(), PortError> {
        logits.clear();
        self.check(tokens)?;
        let wanted = rows.range(tokens.len());
        parallel::on_the_pool(|| {
            for (index, batch) in tokens.chunks(BATCH).enumerate() {
                let first = index * BATCH;
                self.run_blocks(batch);
                let start = wanted.start.saturating_sub(first).min(batch.len());
                let end = wanted.end.saturating_sub(first).min(batch.len());
                self.write_logits(start..end, logits);
            }
        });
        Ok(())
    }
}
