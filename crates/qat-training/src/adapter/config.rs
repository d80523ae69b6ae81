//! Settings of adapters.

use crate::TrainError;
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

/// The largest rank: above it an adapter is no small addition any more.
const MAX_RANK: usize = 256;

/// Which matrices have adapters, and of what size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoraConfig {
    /// r: rows of A, columns of B.
    pub rank: usize,
    /// α: adapters are multiplied by α/r.
    pub alpha: f32,
    /// Patterns (`*` and `?`) of the matrices' names within a block, such as `attn_q` or `ffn_*`.
    pub targets: Vec<String>,
    /// What adapters begin as.
    pub init: LoraInit,
}

/// What adapters begin as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoraInit {
    /// A is random and B is zero: the base as it is.
    #[default]
    Zero,
    /// The best approximation of what rounding took from the teacher's matrices (LoftQ, Li et al. 2023, arXiv
    /// 2310.08659, with the base as its one rounding).
    LoftQ,
}

impl Default for LoraConfig {
    fn default() -> Self {
        Self { rank: 8, alpha: 16.0, targets: vec!["attn_*".into(), "ffn_*".into()], init: LoraInit::Zero }
    }
}

impl LoraConfig {
    pub(crate) fn validate(&self) -> Result<(), TrainError> {
        let Self { rank, alpha, targets, .. } = self;
        if !(1..=MAX_RANK).contains(rank) {
            return Err(TrainError::Config(format!("lora.rank = {rank} is not between 1 and {MAX_RANK}")));
        }
        if !(alpha.is_finite() && *alpha > 0.0) {
            return Err(TrainError::Config(format!("lora.alpha = {alpha} must be above 0")));
        }
        if targets.is_empty() {
            return Err(TrainError::Config(
                "lora.targets names no matrix; write for example [\"attn_*\"]".into(),
            ));
        }
        Ok(())
    }

    /// α/r.
    pub(crate) fn scale(&self) -> f32 {
        self.alpha / self.rank as f32
    }

    /// Whether the matrix of this GGUF name (`blk.3.attn_q.weight`) has an adapter.
    pub(crate) fn targets(&self, name: &str) -> bool {
        let within = name.strip_prefix("blk.").and_then(|rest| rest.split_once('.'));
        let Some(part) = within.and_then(|(_, part)| part.strip_suffix(".weight")) else { return false };
        self.targets.iter().any(|pattern| WildMatch::new(pattern).matches(part))
    }
}
