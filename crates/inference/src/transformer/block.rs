//! A transformer block: attention and feed-forward, each normed before and added to the residual stream after.

use super::attention::Attention;
use super::buffer::grown;
use super::feed_forward::FeedForward;
use super::norm::RmsNorm;
use super::probe::Probe;
use super::rope::RopePair;
use super::scratch::Scratch;
use crate::kv_cache::KvCache;
use crate::parallel;
use domain_types::OrthogonalTransform;

/// One block.
pub(super) struct Block {
    pub(super) attention_norm: RmsNorm,
    pub(super) attention: Attention,
    /// Gemma 3: norms the attention output before it joins the residual stream.
    pub(super) post_attention_norm: Option<RmsNorm>,
    pub(super) ffn_norm: RmsNorm,
    /// Of what both halves read, behind their norms.
    pub(super) rotation: Option<Box<dyn OrthogonalTransform>>,
    pub(super) feed_forward: FeedForward,
    /// Gemma 3: norms the feed-forward output before it joins the residual stream.
    pub(super) post_ffn_norm: Option<RmsNorm>,
}

impl Block {
    /// Width of the residual stream.
    pub(super) fn width(&self) -> usize {
        self.attention.width()
    }

    /// Runs `tokens` rows of `scratch.hidden` through the block, with the keys and values of the cache's layer
    /// `layer`; `probe` sees what its linear layers read.
    pub(super) fn forward(
        &self,
        layer: usize,
        tokens: usize,
        rope: &RopePair,
        cache: &mut KvCache,
        scratch: &mut Scratch,
        probe: &mut Probe<'_>,
    ) {
        let Scratch { hidden, normed, output, attention, gate, up } = scratch;
        let (width, len) = (self.width(), tokens * self.width());
        let (hidden, normed, output) = (&mut hidden[..len], grown(normed, len), grown(output, len));

        self.attention_norm.normalize(hidden, normed);
        self.rotate(normed);
        self.attention.forward(layer, tokens, normed, rope, cache, attention, output, probe);
        join(hidden, output, self.post_attention_norm.as_ref(), width);

        self.ffn_norm.normalize(hidden, normed);
        self.rotate(normed);
        self.feed_forward.forward(tokens, normed, (gate, up), output, probe);
        join(hidden, output, self.post_ffn_norm.as_ref(), width);
    }

    fn rotate(&self, normed: &mut [f32]) {
        if let Some(rotation) = &self.rotation {
            parallel::for_each_row(normed, rotation.width(), |_, row| rotation.apply(row));
        }
    }

    pub(super) fn weight_bytes(&self) -> usize {
        self.attention.weight_bytes() + self.feed_forward.weight_bytes()
    }
}

/// Adds the output of a half block to the residual stream.
fn join(hidden: &mut [f32], output: &mut [f32], post_norm: Option<&RmsNorm>, width: usize) {
    if let Some(norm) = post_norm {
        parallel::for_each_row(output, width, |_, row| norm.normalize_in_place(row));
    }
    hidden.iter_mut().zip(&*output).for_each(|(h, o)| *h += o);
}
