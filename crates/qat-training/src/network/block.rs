//! A transformer block: attention and a gated feed-forward layer, each added to the residual stream.

use super::attention::{Attention, Geometry};
use super::experts::Experts;
use super::norm::RmsNorm;
use super::project::project;
use super::routing::Routing;
use super::start::Start;
use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation};
use domain_types::ModelSpec;

#[derive(Module, Debug)]
pub(crate) struct Block {
    pub(super) attn_norm: RmsNorm,
    pub(super) attn: Attention,
    pub(super) ffn_norm: RmsNorm,
    pub(super) ffn: Mlp,
    #[module(skip)]
    eps: f32,
}

/// What follows attention.
#[derive(Module, Debug)]
pub(crate) enum Mlp {
    Dense(FeedForward),
    Experts(Experts),
}

/// down · (silu(gate · x) ⊙ (up · x)) (Shazeer 2020, arXiv 2002.05202). Matrices are `[out, in]`.
#[derive(Module, Debug)]
pub(crate) struct FeedForward {
    pub(super) gate: Param<Tensor<2>>,
    pub(super) up: Param<Tensor<2>>,
    pub(super) down: Param<Tensor<2>>,
}

impl Block {
    pub(super) fn new(spec: &ModelSpec, start: &mut Start<'_>) -> Self {
        Self {
            attn_norm: RmsNorm::new(spec.width, start.device()),
            attn: Attention::new(spec, start),
            ffn_norm: RmsNorm::new(spec.width, start.device()),
            ffn: match &spec.experts {
                None => Mlp::Dense(FeedForward::new(spec, start)),
                Some(experts) => Mlp::Experts(Experts::new(spec, experts, start)),
            },
            eps: spec.norm_eps,
        }
    }

    pub(super) fn forward(&self, x: Tensor<2>, geometry: &Geometry, routing: &mut Routing) -> Tensor<2> {
        let x = x.clone() + self.attn.forward(&self.attn_norm.forward(x, self.eps), geometry);
        let normed = self.ffn_norm.forward(x.clone(), self.eps);
        x + match &self.ffn {
            Mlp::Dense(ffn) => ffn.forward(normed),
            Mlp::Experts(experts) => experts.forward(normed, routing),
        }
    }
}

impl FeedForward {
    fn new(spec: &ModelSpec, start: &mut Start<'_>) -> Self {
        let (width, ffn) = (spec.width, spec.ffn_width);
        let deviation = (width as f32).sqrt().recip();
        let residual = (ffn as f32 * 2.0 * spec.layers as f32).sqrt().recip();
        Self {
            gate: start.weights([ffn, width], deviation),
            up: start.weights([ffn, width], deviation),
            down: start.weights([width, ffn], residual),
        }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let gate = activation::silu(project(x.clone(), &self.gate));
        let up = project(x, &self.up);
        project(gate * up, &self.down)
    }
}
