//! Experts in place of a feed-forward layer.

use super::ModelSpec;
use crate::{DomainError, Gating};
use alloc::format;

/// The feed-forward half of every block of a mixture of experts: a gate sends each token to a few of many gated
/// feed-forward layers (Shazeer et al. 2017, arXiv 1701.06538).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ExpertsSpec {
    /// How many experts, how many per token, how they are weighted.
    pub gating: Gating,
    /// Width of an expert's feed-forward layer.
    pub ffn_width: usize,
    /// The expert that every token passes, where the model has one.
    pub shared: Option<SharedExpert>,
}

/// A feed-forward layer beside the experts, for all tokens (Dai et al. 2024, arXiv 2401.06066).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SharedExpert {
    /// Width of its feed-forward layer.
    pub ffn_width: usize,
    /// Whether its output is multiplied by σ(w·x) (Qwen 1.5 MoE).
    pub gated: bool,
}

impl ExpertsSpec {
    pub(super) fn validate(&self, model: &ModelSpec) -> Result<(), DomainError> {
        let widths = [Some(self.ffn_width), self.shared.map(|s| s.ffn_width)];
        if let Some(n) = widths.into_iter().flatten().find(|&n| n == 0 || n > 1 << 28) {
            return Err(DomainError::BadSpec(format!("an expert of width {n} is out of range")));
        }
        if model.post_norms {
            return Err(DomainError::BadSpec("experts exclude norms after each half of a block".into()));
        }
        if model.rotation.is_some_and(|r| r.feed_forward) {
            return Err(DomainError::BadSpec("what experts gate cannot be rotated".into()));
        }
        Ok(())
    }
}
