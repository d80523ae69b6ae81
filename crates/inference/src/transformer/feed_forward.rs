//! The gates of a feed-forward layer W_down·(act(W_gate·x) ⊙ W_up·x) (Shazeer 2020, arXiv 2002.05202).

use super::activation::activate;
use super::buffer::grown;
use super::project::project;
use crate::parallel;
use domain_types::{Activation, Linear, OrthogonalTransform};

/// A dense gated feed-forward layer, up to what its down projection reads.
pub(super) struct FeedForward {
    pub(super) gate: Box<dyn Linear>,
    pub(super) up: Box<dyn Linear>,
    /// Of what comes out.
    pub(super) rotation: Option<Box<dyn OrthogonalTransform>>,
    pub(super) activation: Activation,
}

impl FeedForward {
    /// Width of what comes out.
    pub(super) fn width(&self) -> usize {
        self.gate.out_features()
    }

    /// act(W_gate·x) ⊙ W_up·x, rotated. `x`: tokens × width of the residual stream; `out` and `up`: tokens × ffn_width.
    pub(super) fn forward(&self, x: &[f32], up: &mut Vec<f32>, out: &mut [f32]) {
        gated(&*self.gate, &*self.up, self.activation, x, up, out);
        if let Some(rotation) = &self.rotation {
            parallel::for_each_row(out, self.width(), |_, row| rotation.apply(row));
        }
    }

    pub(super) fn weight_bytes(&self) -> usize {
        self.gate.weight_bytes() + self.up.weight_bytes()
    }
}

/// act(W_gate·x) ⊙ W_up·x for as many tokens as `x` has rows.
pub(super) fn gated(
    gate: &dyn Linear,
    up_projection: &dyn Linear,
    activation: Activation,
    x: &[f32],
    up: &mut Vec<f32>,
    out: &mut [f32],
) {
    let (width, tokens) = (gate.out_features(), x.len() / gate.in_features());
    let up = grown(up, tokens * width);
    parallel::join(tokens == 1, || project(gate, x, tokens, out), || project(up_projection, x, tokens, up));
    let up = &*up;
    parallel::for_each_row(out, width, |i, row| activate(activation, row, &up[i * width..(i + 1) * width]));
}
