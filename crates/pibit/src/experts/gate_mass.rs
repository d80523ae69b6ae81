//! How much of what the gates gave to their own choice goes to the experts chosen.

use domain_types::{ExpertChoice, ExpertRouter, Gating, PortError};
use std::sync::{Arc, Mutex, PoisonError};

/// A router around a router that adds up gate weights.
pub(crate) struct GateMass {
    router: Box<dyn ExpertRouter>,
    /// Σ share, and decisions.
    sums: Arc<Mutex<(f64, usize)>>,
}

impl GateMass {
    /// Wraps a router; the handle tells the mean share.
    pub(crate) fn around(router: Box<dyn ExpertRouter>) -> (Self, MeanShare) {
        let sums = Arc::new(Mutex::new((0.0, 0)));
        (Self { router, sums: Arc::clone(&sums) }, MeanShare(sums))
    }
}

/// The mean share so far.
pub(crate) struct MeanShare(Arc<Mutex<(f64, usize)>>);

impl MeanShare {
    pub(crate) fn get(&self) -> f64 {
        let (sum, count) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sum / count.max(1) as f64
    }
}

impl ExpertRouter for GateMass {
    fn gating(&self) -> Gating {
        self.router.gating()
    }

    fn route(
        &mut self,
        layer: usize,
        logits: &[f32],
        resident: &[bool],
        chosen: &mut Vec<ExpertChoice>,
    ) -> Result<(), PortError> {
        self.router.route(layer, logits, resident, chosen)?;
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        *sums = (sums.0 + share(logits, chosen), sums.1 + 1);
        Ok(())
    }

    fn reset(&mut self) {
        self.router.reset();
    }
}

/// Σ exp(logit) of the chosen over that of as many of the greatest.
fn share(logits: &[f32], chosen: &[ExpertChoice]) -> f64 {
    let mut sorted = logits.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let weight = |z: f32| f64::from(z - sorted[0]).exp();
    let best: f64 = sorted[..chosen.len()].iter().map(|&z| weight(z)).sum();
    chosen.iter().map(|c| weight(logits[c.expert])).sum::<f64>() / best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_hold_everything() {
        let chosen = |experts: &[usize]| {
            let choice = |&expert| ExpertChoice { expert, weight: 0.5, before: 0.0 };
            experts.iter().map(choice).collect::<Vec<_>>()
        };
        let logits = [2_f32.ln(), 0.0, 0.0, f32::MIN];
        assert!((share(&logits, &chosen(&[0, 1])) - 1.0).abs() < 1e-6);
        assert!((share(&logits, &chosen(&[1, 2])) - 2.0 / 3.0).abs() < 1e-6);
    }
}
