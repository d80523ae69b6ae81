//! A transformer block: attention and feed-forward, each normed before and added to the residual stream after.

use super::attention::Attention;
use super::buffer::grown;
use super::experts::{ExpertPorts, Mixture};
use super::feed_forward::FeedForward;
use super::norm::RmsNorm;
use super::project::project;
use super::rope::RopePair;
use super::scratch::Scratch;
use crate::kv_cache::KvCache;
use crate::parallel;
use domain_types::{Linear, OrthogonalTransform, PortError};

/// One block: two halves, each an entrance, an inner layer and an exit.
pub(super) struct Block {
    pub(super) to_attention: Entrance,
    pub(super) attention: Attention,
    pub(super) from_attention: Exit,
    pub(super) to_feed_forward: Entrance,
    pub(super) mlp: Mlp,
}

/// What follows attention.
pub(super) enum Mlp {
    Dense { inner: FeedForward, exit: Exit },
    Experts(Mixture),
}

/// From the residual stream to what a half block reads.
pub(super) struct Entrance {
    pub(super) norm: RmsNorm,
    pub(super) rotation: Option<Box<dyn OrthogonalTransform>>,
}

/// From the inside of a half block back to the residual stream.
pub(super) struct Exit {
    pub(super) linear: Box<dyn Linear>,
    /// Gemma 3: norms what joins the residual stream.
    pub(super) post_norm: Option<RmsNorm>,
}

impl Block {
    /// Runs `tokens` rows of `scratch.hidden` through the block, with the keys and values of the cache's layer `layer`.
    pub(super) fn forward(
        &self,
        layer: usize,
        tokens: usize,
        rope: &RopePair,
        cache: &mut KvCache,
        ports: Option<&mut ExpertPorts>,
        scratch: &mut Scratch,
    ) -> Result<(), PortError> {
        let Scratch { hidden, normed, inner, output, attention, up, mixture } = scratch;
        let len = tokens * self.from_attention.linear.out_features();
        let (hidden, normed) = (&mut hidden[..len], grown(normed, len));

        self.to_attention.pass(hidden, normed);
        let mixed = grown(inner, tokens * self.attention.width());
        self.attention.forward(layer, normed, rope, cache, attention, mixed);
        self.from_attention.pass(mixed, output, hidden);

        self.to_feed_forward.pass(hidden, normed);
        match (&self.mlp, ports) {
            (Mlp::Dense { inner: feed_forward, exit }, _) => {
                let product = grown(inner, tokens * feed_forward.width());
                feed_forward.forward(normed, up, product);
                exit.pass(product, output, hidden);
                Ok(())
            }
            (Mlp::Experts(experts), Some(ports)) => experts.forward(layer, normed, ports, mixture, hidden),
            (Mlp::Experts(_), None) => unreachable!("a mixture is loaded with its experts"),
        }
    }

    pub(super) fn weight_bytes(&self) -> usize {
        let mlp = match &self.mlp {
            Mlp::Dense { inner, exit } => inner.weight_bytes() + exit.linear.weight_bytes(),
            Mlp::Experts(experts) => experts.weight_bytes(),
        };
        mlp + self.attention.weight_bytes() + self.from_attention.linear.weight_bytes()
    }
}

impl Entrance {
    /// Norms and rotates rows of the residual stream.
    pub(super) fn pass(&self, hidden: &[f32], normed: &mut [f32]) {
        self.norm.normalize(hidden, normed);
        if let Some(rotation) = &self.rotation {
            parallel::for_each_row(normed, rotation.width(), |_, row| rotation.apply(row));
        }
    }
}

impl Exit {
    /// Projects rows of `inner` and adds them to `hidden`. `output` is room to work in.
    pub(super) fn pass(&self, inner: &[f32], output: &mut Vec<f32>, hidden: &mut [f32]) {
        let width = self.linear.out_features();
        let output = grown(output, hidden.len());
        project(&*self.linear, inner, hidden.len() / width, output);
        if let Some(norm) = &self.post_norm {
            parallel::for_each_row(output, width, |_, row| norm.normalize_in_place(row));
        }
        hidden.iter_mut().zip(&*output).for_each(|(h, o)| *h += o);
    }
}
