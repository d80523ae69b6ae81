//! How router logits become experts and weights.

use crate::DomainError;
use alloc::format;

/// Over which experts the softmax of the gate weights runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum GateNorm {
    /// Over the chosen ones, so that weights sum to 1: softmax after top-k (Mixtral), which is the same as softmax
    /// before top-k and division by the sum (Qwen 3 MoE, `norm_topk_prob`).
    Chosen,
    /// Over all experts of the layer, so that weights sum to less than 1 (Qwen 1.5 MoE, OLMoE).
    All,
}

/// The gate of a layer: `top_k` of `experts`, weighted by a softmax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Gating {
    experts: usize,
    top_k: usize,
    norm: GateNorm,
}

/// More experts than any model has per layer.
const MAX_EXPERTS: usize = 4096;

impl Gating {
    /// Checks that `top_k` of `experts` can be chosen: 1 ≤ top_k ≤ experts ≤ 4096.
    pub fn new(experts: usize, top_k: usize, norm: GateNorm) -> Result<Self, DomainError> {
        if top_k == 0 || top_k > experts || experts > MAX_EXPERTS {
            return Err(DomainError::BadSpec(format!(
                "{top_k} of {experts} experts cannot be chosen; at least 1 and at most all of up to {MAX_EXPERTS}"
            )));
        }
        Ok(Self { experts, top_k, norm })
    }

    /// Experts per layer.
    pub fn experts(&self) -> usize {
        self.experts
    }

    /// Experts that a token is sent to.
    pub fn top_k(&self) -> usize {
        self.top_k
    }

    /// Over which experts the softmax runs.
    pub fn norm(&self) -> GateNorm {
        self.norm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_possible_choice_is_a_gating() {
        assert!(Gating::new(8, 2, GateNorm::Chosen).is_ok());
        for (experts, top_k) in [(8, 0), (8, 9), (0, 0), (5000, 1)] {
            assert!(Gating::new(experts, top_k, GateNorm::All).is_err(), "{top_k} of {experts}");
        }
    }
}
