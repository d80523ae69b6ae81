//! The rotations of a model, and what they do to its weights.

use super::treatment::{self, Space, Treatment};
use anyhow::Result;
use domain_types::{ModelSpec, RotationSpec};
use quant_core::incoherence::{Rotation, restore_columns, restore_rows, rotate_columns, rotate_rows};

/// The rotations that a specification asks for.
pub(crate) struct Rotations {
    residual: Option<Rotation>,
    inputs: Option<Rotation>,
    ends: Option<Rotation>,
    heads: Option<Rotation>,
    feed_forward: Option<Rotation>,
}

impl Rotations {
    /// Fails for widths that no rotation exists for.
    pub(crate) fn new(spec: &ModelSpec, rotation: RotationSpec) -> Result<Self> {
        let make = |wanted: bool, width, seed| wanted.then(|| Rotation::new(width, seed)).transpose();
        Ok(Self {
            residual: make(rotation.residual, spec.width, rotation.residual_seed())?,
            inputs: make(rotation.inputs, spec.width, rotation.inputs_seed())?,
            ends: make(rotation.ends, spec.width, rotation.ends_seed())?,
            heads: make(rotation.heads, spec.attention.head_dim, rotation.heads_seed())?,
            feed_forward: make(rotation.feed_forward, spec.ffn_width, rotation.feed_forward_seed())?,
        })
    }

    /// Weights of the rotated basis in the original one. Gains that moved into a matrix stay there.
    pub(crate) fn restore(&self, name: &str, weights: &mut [f32], row_len: usize) {
        let Some(treatment) = self.treatment(name) else { return };
        if let Some(rotation) = treatment.input {
            restore_rows(weights, rotation);
        }
        if let Some(rotation) = treatment.output {
            restore_columns(weights, row_len, rotation);
        }
    }

    /// Factors of B·A, an addition to a matrix in the original basis, in the rotated one: A `[rank, in]` reads what the
    /// matrix reads, B `[out, rank]` writes what it writes.
    pub(crate) fn rotate_factors(&self, name: &str, [a, b]: [&mut [f32]; 2], rank: usize) {
        let Some(treatment) = self.treatment(name) else { return };
        if let Some(rotation) = treatment.input {
            rotate_rows(a, rotation);
        }
        if let Some(rotation) = treatment.output {
            rotate_columns(b, rank, rotation);
        }
    }

    fn rotation(&self, space: Option<Space>) -> Option<&Rotation> {
        match space? {
            Space::Residual => self.residual.as_ref(),
            Space::Normed => self.residual.as_ref().or(self.inputs.as_ref()),
            Space::Heads => self.heads.as_ref(),
            Space::Ends => self.ends.as_ref(),
            Space::FeedForward => self.feed_forward.as_ref(),
        }
    }

    /// What happens to a tensor; `None` where it stays as it is.
    pub(super) fn treatment(&self, name: &str) -> Option<Treatment<'_>> {
        let role = treatment::role(name)?;
        let treatment = Treatment {
            // Gains stand between the residual stream and its readers only as long as they are where it is rotated.
            norm: role.norm.filter(|_| self.residual.is_some()),
            input: self.rotation(role.input),
            output: self.rotation(role.output),
            is_norm: role.is_norm && self.residual.is_some(),
        };
        treatment.changes_anything().then_some(treatment)
    }
}
