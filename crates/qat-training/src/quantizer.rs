//! Fake quantizers: what rounds weights in the forward pass of training, and which gradients pass back through it.
//!
//! A quantizer is plain Rust on slices ([`FakeQuantizer`]); `op.rs` makes any of them an operation of burn, on every
//! backend, and `rounded.rs` hangs it on a parameter, so that the network reads rounded weights without knowing it.

mod granularity;
mod grid;
mod learned_step;
#[expect(deprecated, reason = "burn's NdArray is the reference that Flex is tested against")]
mod op;
mod rounded;
mod surrogate;
#[cfg(test)]
mod tests;
mod through_port;

pub use granularity::Granularity;
pub(crate) use grid::LevelGrid;
pub(crate) use learned_step::LearnedStep;
pub(crate) use op::fake_quantize;
pub(crate) use rounded::{Rounded, RoundedBy};
pub use surrogate::Surrogate;
pub(crate) use through_port::ThroughPort;

use domain_types::PortError;
use std::fmt::Debug;

/// Rounds latent weights, and carries gradients of the rounded weights back to the latent ones and to the steps.
pub(crate) trait FakeQuantizer: Debug + Send + Sync {
    /// The rounded weights: bit for bit what a file with these weights decodes to (the sign of a zero aside).
    fn forward(&self, weights: &[f32], steps: &[f32]) -> Result<Vec<f32>, PortError>;

    /// Gradients of the loss with respect to weights and steps, from its gradient with respect to the rounded weights.
    fn backward(&self, weights: &[f32], steps: &[f32], gradient: &[f32]) -> Gradients;
}

/// Gradients of the two inputs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gradients {
    pub(crate) weights: Vec<f32>,
    pub(crate) steps: Vec<f32>,
}
