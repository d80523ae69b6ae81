//! Bits by how often an expert is used, compared with the others.

use super::demand::{ExpertDemand, least_bytes};
use super::{ExpertPrecisionAllocator, PrecisionPlan};
use crate::MoeError;

/// The rule of thumb: experts from the 90th percentile of frequency on get 4 bits, from the 30th on 3 bits, the others 2
/// bits, each the option nearest to that; where it does not fit, the least used experts get less. A baseline: it knows
/// neither sizes nor sensitivities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PercentileRule {
    /// Percentile, 0 to 1, from which an expert is hot.
    pub hot: f64,
    /// Percentile, 0 to 1, from which an expert is warm.
    pub warm: f64,
}

impl Default for PercentileRule {
    fn default() -> Self {
        Self { hot: 0.9, warm: 0.3 }
    }
}

impl PercentileRule {
    fn bits(&self, percentile: f64) -> f64 {
        if percentile >= self.hot {
            4.0
        } else if percentile >= self.warm {
            3.0
        } else {
            2.0
        }
    }
}

impl ExpertPrecisionAllocator for PercentileRule {
    fn allocate(&self, experts: &[ExpertDemand], budget: u64) -> Result<PrecisionPlan, MoeError> {
        least_bytes(experts, budget)?;
        let mut order: Vec<usize> = (0..experts.len()).collect();
        order.sort_by(|&a, &b| experts[a].frequency().total_cmp(&experts[b].frequency()));
        let mut choices = vec![0; experts.len()];
        for (rank, &expert) in order.iter().enumerate() {
            let bits = self.bits(rank as f64 / experts.len() as f64);
            let options = experts[expert].options().iter().enumerate();
            let nearest = options.min_by(|a, b| (a.1.bits - bits).abs().total_cmp(&(b.1.bits - bits).abs()));
            choices[expert] = nearest.map_or(0, |(choice, _)| choice);
        }
        let mut bytes: u64 = experts.iter().zip(&choices).map(|(e, &c)| e.options()[c].bytes).sum();
        for &expert in &order {
            while bytes > budget && choices[expert] > 0 {
                let options = experts[expert].options();
                bytes -= options[choices[expert]].bytes - options[choices[expert] - 1].bytes;
                choices[expert] -= 1;
            }
        }
        Ok(PrecisionPlan::new(experts, choices, 0.0))
    }
}
