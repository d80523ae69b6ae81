//! What the model was trained with.

use super::gate::Gate;
use domain_types::{ExpertChoice, ExpertRouter, Gating, PortError};

/// Top-k of the logits, whatever is in memory (Shazeer et al. 2017, arXiv 1701.06538).
#[derive(Debug, Clone)]
pub struct StandardRouter {
    gate: Gate,
}

impl StandardRouter {
    /// A router of this gating.
    pub fn new(gating: Gating) -> Self {
        Self { gate: Gate::new(gating) }
    }
}

impl ExpertRouter for StandardRouter {
    fn gating(&self) -> Gating {
        self.gate.gating()
    }

    fn route(
        &mut self,
        layer: usize,
        logits: &[f32],
        resident: &[bool],
        chosen: &mut Vec<ExpertChoice>,
    ) -> Result<(), PortError> {
        self.gate.check(layer, logits, resident)?;
        self.gate.clear(chosen);
        self.gate.pick(logits, self.gating().top_k(), chosen);
        self.gate.weigh(logits, chosen);
        Ok(())
    }

    fn reset(&mut self) {}
}
