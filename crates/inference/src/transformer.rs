//! A decoder-only transformer, as its [`ModelSpec`] describes it.
//!
//! There is one network for all families. What differs (biases, norms of q and k, norms after each half of a block,
//! windows, activation, rotation) is data in the specification.

mod activation;
mod attention;
mod block;
mod buffer;
mod ends;
mod experts;
mod exponential;
mod feed_forward;
mod frequent;
mod load;
mod norm;
mod outline;
mod project;
mod rope;
mod scratch;
mod stage_stream;

pub use experts::{ExpertPorts, ResidentExperts, TopK};
pub use load::LoadOptions;
pub use stage_stream::{Stage, StageStream};

use crate::InferenceError;
use crate::adapter::{Adapter, LowRank};
use crate::kv_cache::KvCache;
use crate::parallel::{self, Pace};
use block::Block;
use buffer::grown;
use domain_types::{CodecSet, LogitRows, ModelSpec, PortError, TensorSource, TokenId, TokenModel};
use ends::Ends;
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
    ends: Ends,
    blocks: Vec<Block>,
    rope: RopePair,
    cache: KvCache,
    scratch: Scratch,
    experts: Option<ExpertPorts>,
    /// Bytes of experts that a token reads.
    expert_bytes: usize,
    pace: Pace,
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
        load::load(source, codecs, options, None, None)
    }

    /// The same with low-rank additions to linear layers.
    ///
    /// Fails also where an addition is to a layer that the model does not have, or of another shape.
    pub fn load_adapted(
        source: &dyn TensorSource,
        codecs: &dyn CodecSet,
        options: LoadOptions,
        adapter: &Adapter,
    ) -> Result<Self, InferenceError> {
        load::load(source, codecs, options, None, Some(adapter))
    }

    /// The same for a mixture of experts whose experts come from elsewhere: of `source` all is taken but them.
    ///
    /// Fails also where the model has no experts, or the router chooses among others than the model has.
    pub fn load_with_experts(
        source: &dyn TensorSource,
        codecs: &dyn CodecSet,
        options: LoadOptions,
        experts: ExpertPorts,
    ) -> Result<Self, InferenceError> {
        load::load(source, codecs, options, Some(experts), None)
    }

    /// What network this is.
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// Bytes of packed weights that one decoded token reads (the embedding counts where it is the output head).
    pub fn weight_bytes(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(Block::weight_bytes).sum();
        blocks + self.expert_bytes + self.ends.weight_bytes()
    }

    /// Whether a key–value cache in F16 has gone over to F32 because keys or values exceeded F16's range.
    pub fn kv_widened(&self) -> bool {
        self.cache.widened()
    }

    /// Bytes of memory that the key–value cache has taken so far.
    pub fn kv_bytes(&self) -> usize {
        self.cache.bytes()
    }

    /// Puts an addition beside the output head, or takes it away.
    ///
    /// # Errors
    /// An addition of another shape than the head: vocabulary × width.
    pub fn set_head_addition(&mut self, addition: Option<LowRank>) -> Result<(), InferenceError> {
        let head = self.ends.head();
        let fits =
            |a: &LowRank| (a.in_features(), a.out_features()) == (head.in_features(), head.out_features());
        if !addition.as_ref().is_none_or(fits) {
            return Err(InferenceError::Adapter("the addition to the output head has another shape".into()));
        }
        self.ends.addition = addition;
        Ok(())
    }

    /// What the head reads at each token, and what it answers: tokens × width and tokens × vocabulary.
    pub(crate) fn head_inputs_and_logits(
        &mut self,
        tokens: &[TokenId],
    ) -> Result<(Vec<f32>, Vec<f32>), InferenceError> {
        self.check(tokens)?;
        let (mut inputs, mut logits) = (Vec::new(), Vec::new());
        for batch in tokens.chunks(BATCH) {
            parallel::on_the_pool(|| self.run_blocks(batch)).map_err(InferenceError::Port)?;
            let hidden = &self.scratch.hidden[..batch.len() * self.spec.width];
            let start = inputs.len();
            inputs.resize(start + hidden.len(), 0.0);
            self.ends.normalize(hidden, &mut inputs[start..]);
            self.append_logits(0..batch.len(), &mut logits);
        }
        Ok((inputs, logits))
    }

    fn check(&self, tokens: &[TokenId]) -> Result<(), InferenceError> {
        check_tokens(tokens, &self.spec)?;
        let (used, capacity) = (self.cache.len(), self.cache.capacity());
        if tokens.len() > capacity - used {
            return Err(InferenceError::ContextFull { tokens: tokens.len(), used, capacity });
        }
        Ok(())
    }

    /// Runs a batch through all blocks; leaves the residual stream in `scratch.hidden` and the cache longer.
    fn run_blocks(&mut self, tokens: &[TokenId]) -> Result<(), PortError> {
        let Self { spec, ends, blocks, rope, cache, scratch, experts, .. } = self;
        ends.embed(tokens, grown(&mut scratch.hidden, tokens.len() * spec.width));
        rope.turn_to(cache.len(), tokens.len());
        for (layer, block) in blocks.iter().enumerate() {
            block.forward(layer, tokens.len(), rope, cache, experts.as_mut(), scratch)?;
        }
        cache.advance(tokens.len());
        Ok(())
    }

    /// Appends logits of these rows of the last batch.
    fn append_logits(&mut self, rows: Range<usize>, logits: &mut Vec<f32>) {
        let (width, Scratch { hidden, normed, .. }) = (self.spec.width, &mut self.scratch);
        self.ends.append_logits(&hidden[rows.start * width..rows.end * width], normed, logits);
    }
}

fn check_tokens(tokens: &[TokenId], spec: &ModelSpec) -> Result<(), InferenceError> {
    let vocab_size = spec.vocab_size;
    match tokens.iter().find(|&&t| t as usize >= vocab_size) {
        Some(&token) => Err(InferenceError::UnknownToken { token, vocab_size }),
        None => Ok(()),
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
        if let Some(experts) = &mut self.experts {
            experts.router.reset();
        }
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
        let mut pace = std::mem::take(&mut self.pace);
        let work = || {
            for (index, batch) in tokens.chunks(BATCH).enumerate() {
                let first = index * BATCH;
                self.run_blocks(batch)?;
                let start = wanted.start.saturating_sub(first).min(batch.len());
                let end = wanted.end.saturating_sub(first).min(batch.len());
                self.append_logits(start..end, logits);
            }
            Ok(())
        };
        let result = if tokens.len() == 1 { pace.token(work) } else { parallel::on_the_pool(work) };
        self.pace = pace;
        result
    }
}
