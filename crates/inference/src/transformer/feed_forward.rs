//! Gated feed-forward layer: W_down·(act(W_gate·x) ⊙ W_up·x) (Shazeer 2020, arXiv 2002.05202).

use super::buffer::grown;
use super::probe::Probe;
use super::project::project;
use crate::parallel;
use domain_types::{Activation, Linear, OrthogonalTransform};

/// √(2/π), of the tanh approximation of GELU.
const GELU_SCALE: f32 = 0.797_884_6;

/// A dense gated feed-forward layer.
pub(super) struct FeedForward {
    pub(super) gate: Box<dyn Linear>,
    pub(super) up: Box<dyn Linear>,
    pub(super) down: Box<dyn Linear>,
    /// Of the input of `down`.
    pub(super) rotation: Option<Box<dyn OrthogonalTransform>>,
    pub(super) activation: Activation,
}

impl FeedForward {
    /// `x` and `out`: tokens × width.
    pub(super) fn forward(
        &self,
        tokens: usize,
        x: &[f32],
        (gate, up): (&mut Vec<f32>, &mut Vec<f32>),
        out: &mut [f32],
        probe: &mut Probe<'_>,
    ) {
        let width = self.gate.out_features();
        let (gate, up) = (grown(gate, tokens * width), grown(up, tokens * width));
        probe.see(&["ffn_gate", "ffn_up"], tokens, x);
        let shared = tokens == 1;
        parallel::join(
            shared,
            || project(&*self.gate, x, tokens, gate),
            || project(&*self.up, x, tokens, up),
        );
        let up = &*up;
        parallel::for_each_row(gate, width, |i, row| {
            activate(self.activation, row, &up[i * width..(i + 1) * width]);
            if let Some(rotation) = &self.rotation {
                rotation.apply(row);
            }
        });
        probe.see(&["ffn_down"], tokens, gate);
        project(&*self.down, gate, tokens, out);
    }

    pub(super) fn weight_bytes(&self) -> usize {
        self.gate.weight_bytes() + self.up.weight_bytes() + self.down.weight_bytes()
    }
}

fn activate(activation: Activation, gate: &mut [f32], up: &[f32]) {
    let pairs = gate.iter_mut().zip(up);
    match activation {
        Activation::Silu => pairs.for_each(|(g, u)| *g = *g / (1.0 + (-*g).exp()) * u),
        Activation::GeluTanh => pairs.for_each(|(g, u)| {
            let x = *g;
            *g = 0.5 * x * (1.0 + (GELU_SCALE * (x + 0.044_715 * x * x * x)).tanh()) * u;
        }),
    }
}
