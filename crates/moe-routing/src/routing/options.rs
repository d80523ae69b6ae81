//! How much a router minds memory.

use crate::MoeError;
use crate::error::in_range;

/// What is added to an expert's logit when experts are chosen. Weights never feel it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Preference {
    /// Cache-Prior (Skliar et al. 2024, "Mixture of Cache-Conditional Experts", arXiv 2412.00099): λ·Δ for resident
    /// experts, where Δ is the mean so far of the layer's range of logits, greatest minus least. λ = 0 is top-k, λ = 1
    /// lets nearly any resident expert in.
    CachePrior {
        /// λ, 0 to 1.
        lambda: f32,
    },
    /// The same bonus for every resident expert, whatever the scale of the logits.
    Additive {
        /// In units of logits.
        bonus: f32,
    },
    /// logit + `history`·H + `residency`·m, where m is 1 for resident experts and H, the affinity, is a moving average
    /// of whether the expert was chosen: H ← `decay`·H + (1 − `decay`)·chosen.
    History {
        /// Weight of the affinity, in units of logits.
        history: f32,
        /// Weight of residency, in units of logits.
        residency: f32,
        /// How slowly affinity forgets, 0 to 1; 0.95 to 0.99 are usual.
        decay: f32,
    },
}

/// How a [`MemoryAwareRouter`](super::MemoryAwareRouter) decides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RouterOptions {
    preference: Preference,
    always_kept: usize,
    hysteresis: f32,
}

/// Cache-Prior with λ = 0.5 that always keeps the best expert: where the paper finds perplexity to rise by less than a
/// percent for models of two experts per token.
impl Default for RouterOptions {
    fn default() -> Self {
        Self { preference: Preference::CachePrior { lambda: 0.5 }, always_kept: 1, hysteresis: 0.0 }
    }
}

impl RouterOptions {
    /// What is added to logits.
    #[must_use]
    pub fn with_preference(mut self, preference: Preference) -> Self {
        self.preference = preference;
        self
    }

    /// J: so many experts of the greatest logits are always chosen. Above top-k it means all of them: standard routing.
    #[must_use]
    pub fn with_always_kept(mut self, experts: usize) -> Self {
        self.always_kept = experts;
        self
    }

    /// A bonus of so many Δ, 0 to 1, for what the layer chose last time: against changing back and forth.
    #[must_use]
    pub fn with_hysteresis(mut self, hysteresis: f32) -> Self {
        self.hysteresis = hysteresis;
        self
    }

    /// What is added to logits.
    pub fn preference(&self) -> Preference {
        self.preference
    }

    /// J.
    pub fn always_kept(&self) -> usize {
        self.always_kept
    }

    /// The bonus for what was chosen last time, in units of Δ.
    pub fn hysteresis(&self) -> f32 {
        self.hysteresis
    }

    pub(super) fn check(&self) -> Result<(), MoeError> {
        const UNIT: (f32, f32) = (0.0, 1.0);
        const LARGE: (f32, f32) = (0.0, 1e6);
        in_range("hysteresis", self.hysteresis, UNIT, "0 to 1")?;
        match self.preference {
            Preference::CachePrior { lambda } => in_range("lambda", lambda, UNIT, "0 to 1"),
            Preference::Additive { bonus } => in_range("bonus", bonus, LARGE, "0 to a million"),
            Preference::History { history, residency, decay } => {
                in_range("history weight", history, LARGE, "0 to a million")?;
                in_range("residency weight", residency, LARGE, "0 to a million")?;
                in_range("decay", decay, UNIT, "0 to 1")
            }
        }
    }
}
