//! Activation functions of gated feed-forward layers.

use super::exponential::sigmoid;
use crate::vectorized::vectorized;
use domain_types::Activation;

/// √(2/π), of the tanh approximation of GELU (Hendrycks and Gimpel 2016, arXiv 1606.08415).
const GELU_SCALE: f32 = 0.797_884_6;
const GELU_CUBE: f32 = 0.044_715;

/// gate = act(gate) ⊙ up.
pub(super) fn activate(activation: Activation, gate: &mut [f32], up: &[f32]) {
    match activation {
        Activation::Silu => silu(gate, up),
        Activation::GeluTanh => gelu_tanh(gate, up),
    }
}

vectorized! {
    /// x·σ(x)·up.
    fn silu(gate: &mut [f32], up: &[f32]) {
        for (g, u) in gate.iter_mut().zip(up) {
            *g = *g * sigmoid(*g) * u;
        }
    }
}

vectorized! {
    /// ½·x·(1 + tanh(y))·up with y = √(2/π)·(x + 0.044715·x³), which is x·σ(2·y)·up.
    fn gelu_tanh(gate: &mut [f32], up: &[f32]) {
        for (g, u) in gate.iter_mut().zip(up) {
            let x = *g;
            *g = x * sigmoid(2.0 * GELU_SCALE * (x + GELU_CUBE * x * x * x)) * u;
        }
    }
}

vectorized! {
    /// x = cap·tanh(x / cap), where tanh(y) is 2·σ(2·y) − 1.
    pub(super) fn softcap(x: &mut [f32], cap: f32) {
        for x in x {
            *x = cap * (2.0 * sigmoid(2.0 * (*x / cap)) - 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(ours: &[f32], expected: impl Fn(f64) -> f64, inputs: &[f32], tolerance: f64) {
        for (&y, &x) in ours.iter().zip(inputs) {
            let wanted = expected(f64::from(x));
            let error = (f64::from(y) - wanted).abs();
            assert!(error <= tolerance * wanted.abs().max(1.0), "{x}: {y} is not {wanted}");
        }
    }

    #[test]
    fn activations_are_their_definitions_in_double_precision() {
        // No multiple of eight: the loops have tails.
        let inputs: Vec<f32> = (-40_001..=40_001).map(|i| i as f32 / 2000.0).collect();
        let up = vec![1.5; inputs.len()];
        let act = |activation| {
            let mut gate = inputs.clone();
            activate(activation, &mut gate, &up);
            gate
        };
        close(&act(Activation::Silu), |x| 1.5 * x / (1.0 + (-x).exp()), &inputs, 1e-6);
        let inner = |x: f64| (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
        close(&act(Activation::GeluTanh), |x| 0.75 * x * (1.0 + inner(x).tanh()), &inputs, 1e-6);
    }

    #[test]
    fn soft_caps_are_hyperbolic_tangents() {
        let inputs: Vec<f32> = (-3_001..=3_001).map(|i| i as f32 / 20.0).collect();
        let mut capped = inputs.clone();
        softcap(&mut capped, 30.0);
        close(&capped, |x| 30.0 * (x / 30.0).tanh(), &inputs, 1e-5);
    }
}
