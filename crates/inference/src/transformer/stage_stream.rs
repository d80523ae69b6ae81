//! A network run stage by stage over many texts at once: what calibration needs.

mod stage;

pub use stage::Stage;

use super::block::Exit;
use super::ends::Ends;
use super::load::{self, Tensors};
use super::rope::RopePair;
use super::scratch::Scratch;
use super::{BATCH, check_tokens};
use crate::kv_cache::{KvCache, KvOptions};
use crate::{InferenceError, parallel};
use domain_types::{CodecSet, InputObserver, LogitRows, ModelSpec, TensorSource, TokenId};
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

/// Several chunks of text on their way through a network, together from stage to stage.
///
/// Each chunk is a sequence of its own, attended to causally from an empty cache. A stage's linear layers are loaded
/// when it is passed, from whichever source each call names: that is how layers are quantized for the inputs that the
/// quantized layers before them give. Sources may differ in their weights but not in their rotation.
///
/// Memory: 4 bytes × tokens of all chunks × (width + the widest input), a stage's layers, and the embedding.
///
/// ```text
/// let mut stream = StageStream::new(&original, codecs, &chunks)?;
/// while stream.stage() != Stage::Head {
///     stream.show(&mut moments);   // what the stage reads; quantize its layers for that
///     stream.pass(&quantized)?;    // on to the next stage, through the quantized ones
/// }
/// ```
pub struct StageStream<'a> {
    codecs: &'a dyn CodecSet,
    spec: ModelSpec,
    ends: Arc<Ends>,
    rope: RopePair,
    /// Of one block.
    cache: KvCache,
    /// Residual streams, chunk after chunk: tokens × width.
    hidden: Vec<f32>,
    /// What the stage reads: tokens × its width.
    inputs: Vec<f32>,
    /// Tokens of each chunk.
    chunks: Vec<Range<usize>>,
    stage: Stage,
    /// Tensors of the block that have been read.
    taken: HashSet<String>,
    scratch: Scratch,
}

impl<'a> StageStream<'a> {
    /// Looks the tokens of all chunks up in the embedding, up to the first stage. Fails where a chunk is empty, is
    /// longer than the model's context or has a token outside the vocabulary, and where
    /// [`Transformer::load`](super::Transformer::load) would refuse what lies outside the blocks.
    pub fn new(
        source: &dyn TensorSource,
        codecs: &'a dyn CodecSet,
        chunks: &[Vec<TokenId>],
    ) -> Result<Self, InferenceError> {
        let spec = load::spec(source)?;
        if spec.experts.is_some() {
            let what =
                "mixtures of experts cannot be run stage by stage: quantize them without a calibration";
            return Err(InferenceError::Calibration(what.into()));
        }
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
        let tokens: Vec<TokenId> = chunks.iter().flatten().copied().collect();
        let mut hidden = vec![0.0; tokens.len() * spec.width];
        ends.embed(&tokens, &mut hidden);
        let mut end = 0;
        let chunks = chunks.iter().map(|chunk| {
            end += chunk.len();
            end - chunk.len()..end
        });
        let mut stream = Self {
            codecs,
            rope,
            cache,
            hidden,
            inputs: Vec::new(),
            chunks: chunks.collect(),
            stage: Stage::Attention(0),
            taken: HashSet::new(),
            scratch: Scratch::default(),
            ends: Arc::new(ends),
            spec,
        };
        stream.enter(source)?;
        Ok(stream)
    }

    /// A second stream that stands where this one does, with the same chunks.
    #[must_use]
    pub fn fork(&self) -> Self {
        let a = &self.spec.attention;
        Self {
            codecs: self.codecs,
            spec: self.spec.clone(),
            ends: Arc::clone(&self.ends),
            rope: self.rope.clone(),
            cache: KvCache::new(1, a.kv_heads, a.head_dim, self.cache.capacity(), KvOptions::default()),
            hidden: self.hidden.clone(),
            inputs: self.inputs.clone(),
            chunks: self.chunks.clone(),
            stage: self.stage,
            taken: self.taken.clone(),
            scratch: Scratch::default(),
        }
    }

    /// Several streams, made from each other, as one: their chunks one after the other.
    ///
    /// # Panics
    /// If there are none, or they do not stand at the same stage.
    pub fn merge(streams: Vec<Self>) -> Self {
        let mut streams = streams.into_iter();
        let mut all = streams.next().expect("there must be a stream");
        for stream in streams {
            assert_eq!(all.stage, stream.stage, "streams must stand at the same stage");
            let before = all.tokens();
            all.hidden.extend(stream.hidden);
            all.inputs.extend(stream.inputs);
            all.chunks.extend(stream.chunks.iter().map(|chunk| before + chunk.start..before + chunk.end));
            if stream.cache.capacity() > all.cache.capacity() {
                all.cache = stream.cache;
            }
        }
        all
    }

    /// Goes to the first stage of a block with residual streams that were [`hidden`](Self::hidden) there before. Fails
    /// where there is no such block or `hidden` has another length.
    pub fn resume(
        &mut self,
        source: &dyn TensorSource,
        layer: usize,
        hidden: Vec<f32>,
    ) -> Result<(), InferenceError> {
        if layer >= self.spec.layers || hidden.len() != self.hidden.len() {
            return Err(InferenceError::Calibration(format!(
                "cannot go on at block {layer} of {} with {} numbers for {} tokens of {}",
                self.spec.layers,
                hidden.len(),
                self.tokens(),
                self.spec.width
            )));
        }
        (self.hidden, self.stage) = (hidden, Stage::Attention(layer));
        self.taken.clear();
        self.enter(source)
    }

    /// Where it stands.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Names of the stage's linear layers, such as `blk.0.attn_q.weight`.
    pub fn tensors(&self) -> Vec<String> {
        match self.stage.layer() {
            Some(layer) => {
                self.stage.parts().iter().map(|part| format!("blk.{layer}.{part}.weight")).collect()
            }
            None if self.spec.tied_embeddings => vec!["token_embd.weight".to_owned()],
            None => vec!["output.weight".to_owned()],
        }
    }

    /// Number of chunks.
    pub fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Tokens of all chunks.
    pub fn tokens(&self) -> usize {
        self.hidden.len() / self.spec.width
    }

    /// What the stage's layers read: a row for each token, chunk after chunk.
    pub fn inputs(&self) -> &[f32] {
        &self.inputs
    }

    /// The residual streams, tokens × width: what the next layer's output is added to.
    pub fn hidden(&self) -> &[f32] {
        &self.hidden
    }

    /// Shows the stage's inputs, chunk after chunk.
    pub fn show(&self, observer: &mut dyn InputObserver) {
        let names = self.tensors();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let width = self.inputs.len() / self.tokens();
        for chunk in &self.chunks {
            observer.observe(&names, width, &self.inputs[chunk.start * width..chunk.end * width]);
        }
    }

    /// Passes the stage, with its layers as `source` has them, up to what the next one reads. Fails at the head, and
    /// where a tensor is missing or has no place.
    pub fn pass(&mut self, source: &dyn TensorSource) -> Result<(), InferenceError> {
        self.stage = match self.stage {
            Stage::Attention(layer) => {
                self.mix(source, layer)?;
                Stage::AttentionOutput(layer)
            }
            Stage::AttentionOutput(layer) => {
                let exit = self.load(source, |tensors, spec| load::from_attention(tensors, spec, layer))?;
                self.join(&exit);
                Stage::FeedForward(layer)
            }
            Stage::FeedForward(layer) => {
                self.gate(source, layer)?;
                Stage::Down(layer)
            }
            Stage::Down(layer) => {
                let exit =
                    self.load(source, |tensors, spec| load::from_feed_forward(tensors, spec, layer))?;
                self.check_block(source, layer)?;
                self.join(&exit);
                if layer + 1 < self.spec.layers { Stage::Attention(layer + 1) } else { Stage::Head }
            }
            Stage::Head => {
                let layers = self.spec.layers;
                return Err(InferenceError::Calibration(format!("all {layers} blocks have been passed")));
            }
        };
        self.enter(source)
    }

    /// At the head: writes logits of these rows of a chunk to `logits` (cleared first).
    ///
    /// # Panics
    /// If there is no such chunk.
    pub fn logits(
        &mut self,
        chunk: usize,
        rows: LogitRows,
        logits: &mut Vec<f32>,
    ) -> Result<(), InferenceError> {
        if let Some(layer) = self.stage.layer() {
            return Err(InferenceError::Calibration(format!(
                "the head comes after all {} blocks, and block {layer} is next: pass it first",
                self.spec.layers
            )));
        }
        logits.clear();
        let (width, chunk) = (self.spec.width, self.chunks[chunk].clone());
        let rows = rows.range(chunk.len());
        let hidden = &self.hidden[(chunk.start + rows.start) * width..(chunk.start + rows.end) * width];
        let Self { ends, scratch, .. } = self;
        parallel::on_the_pool(|| ends.append_logits(hidden, &mut scratch.normed, logits));
        Ok(())
    }

    /// Norms the residual stream where the stage that comes next reads that.
    fn enter(&mut self, source: &dyn TensorSource) -> Result<(), InferenceError> {
        let entrance = match self.stage {
            Stage::Attention(layer) => {
                self.load(source, |tensors, spec| load::to_attention(tensors, spec, layer))?
            }
            Stage::FeedForward(layer) => {
                self.load(source, |tensors, spec| load::to_feed_forward(tensors, spec, layer))?
            }
            Stage::AttentionOutput(_) | Stage::Down(_) => return Ok(()),
            Stage::Head => {
                self.inputs.resize(self.hidden.len(), 0.0);
                parallel::on_the_pool(|| self.ends.normalize(&self.hidden, &mut self.inputs));
                return Ok(());
            }
        };
        self.inputs.resize(self.hidden.len(), 0.0);
        parallel::on_the_pool(|| entrance.pass(&self.hidden, &mut self.inputs));
        Ok(())
    }

    fn mix(&mut self, source: &dyn TensorSource, layer: usize) -> Result<(), InferenceError> {
        let attention = self.load(source, |tensors, spec| load::attention(tensors, spec, layer))?;
        let (width, mixed_width) = (self.spec.width, attention.width());
        let mut mixed = vec![0.0; self.tokens() * mixed_width];
        let Self { rope, cache, inputs, chunks, scratch, .. } = self;
        parallel::on_the_pool(|| {
            for batch in batches(chunks) {
                if chunks.iter().any(|chunk| chunk.start == batch.start) {
                    cache.clear();
                }
                rope.turn_to(cache.len(), batch.len());
                let x = &inputs[batch.start * width..batch.end * width];
                let mixed = &mut mixed[batch.start * mixed_width..batch.end * mixed_width];
                attention.forward(0, x, rope, cache, &mut scratch.attention, mixed);
                cache.advance(batch.len());
            }
        });
        self.inputs = mixed;
        Ok(())
    }

    fn gate(&mut self, source: &dyn TensorSource, layer: usize) -> Result<(), InferenceError> {
        let feed_forward = self.load(source, |tensors, spec| load::feed_forward(tensors, spec, layer))?;
        let (width, inner) = (self.spec.width, feed_forward.width());
        let mut product = vec![0.0; self.tokens() * inner];
        let Self { inputs, scratch, .. } = self;
        parallel::on_the_pool(|| {
            let batches = inputs.chunks(BATCH * width).zip(product.chunks_mut(BATCH * inner));
            batches.for_each(|(x, product)| feed_forward.forward(x, &mut scratch.up, product));
        });
        self.inputs = product;
        Ok(())
    }

    fn join(&mut self, exit: &Exit) {
        let (width, inner) = (self.spec.width, self.inputs.len() / self.tokens());
        let Self { inputs, hidden, scratch, .. } = self;
        parallel::on_the_pool(|| {
            let batches = inputs.chunks(BATCH * inner).zip(hidden.chunks_mut(BATCH * width));
            batches.for_each(|(inner, hidden)| exit.pass(inner, &mut scratch.output, hidden));
        });
    }

    /// Loads parts of a block and remembers which tensors they took.
    fn load<T>(
        &mut self,
        source: &dyn TensorSource,
        part: impl FnOnce(&mut Tensors<'_>, &ModelSpec) -> Result<T, InferenceError>,
    ) -> Result<T, InferenceError> {
        let mut tensors = Tensors::new(source, self.codecs, &self.spec.architecture);
        let part = part(&mut tensors, &self.spec)?;
        self.taken.extend(tensors.taken());
        Ok(part)
    }

    /// Fails where the block has tensors that no stage took.
    fn check_block(&mut self, source: &dyn TensorSource, layer: usize) -> Result<(), InferenceError> {
        let taken = std::mem::take(&mut self.taken);
        let prefix = format!("blk.{layer}.");
        Tensors::check(source, &taken, &self.spec.architecture, |name| name.starts_with(&prefix))
    }
}

/// Chunks cut into what passes through an attention layer together.
fn batches(chunks: &[Range<usize>]) -> impl Iterator<Item = Range<usize>> + '_ {
    chunks
        .iter()
        .flat_map(|chunk| chunk.clone().step_by(BATCH).map(|start| start..chunk.end.min(start + BATCH)))
}
