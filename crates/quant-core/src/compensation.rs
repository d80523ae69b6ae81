//! Weights that make up for what layers before them lost.
//!
//! A quantized prefix gives a layer inputs x̂ where the original one gives x. The weights that come closest to the
//! wanted outputs y on those inputs, in the mean square, are E\[y·x̂ᵀ\]·H⁻¹ with H = E\[x̂·x̂ᵀ\]: linear regression
//! (Arai and Ichikawa 2025, "Quantization Error Propagation", arXiv:2504.09629; Zhang et al. 2025, "Qronos",
//! arXiv:2505.11695). Rounding then starts from them.

use crate::QuantError;
use crate::gemm::rows_times;
use crate::rounding::factorise;
use domain_types::Hessian;
use faer::Mat;
use faer::linalg::solvers::Solve;

/// How far weights may go from the original ones.
#[derive(Debug, Clone, Copy)]
pub struct Compensation {
    /// λ: H + λ·mean(diag H)·I is what is inverted, so that inputs which hardly occur leave the weights alone. More where
    /// that is not definite.
    pub damping: f32,
    /// Share of the way that is gone: 0 leaves the weights as they are, 1 is regression.
    pub strength: f32,
}

impl Default for Compensation {
    fn default() -> Self {
        Self { damping: 0.01, strength: 1.0 }
    }
}

impl Compensation {
    /// W + strength·(P − W·H)·(H + λ·mean(diag H)·I)⁻¹ for weights `W` (outputs × inputs) and `product` P = E\[y·x̂ᵀ\].
    ///
    /// # Panics
    /// If `product` is not as long as the weights, or these are not whole rows of the Hessian's width.
    pub fn apply(&self, weights: &[f32], product: &[f32], hessian: &Hessian) -> Result<Vec<f32>, QuantError> {
        let width = hessian.width();
        assert!(weights.len() == product.len() && weights.len().is_multiple_of(width), "shapes must agree");
        let rows = weights.len() / width;
        let given = rows_times(weights, hessian.values(), width, width);
        let (factor, _) = factorise(hessian, self.damping)?;
        let missing = Mat::from_fn(width, rows, |column, row| {
            f64::from(product[row * width + column]) - f64::from(given[row * width + column])
        });
        let change = factor.solve(&missing);
        let strength = f64::from(self.strength);
        let moved = |(at, weight): (usize, &f32)| {
            (f64::from(*weight) + strength * change[(at % width, at / width)]) as f32
        };
        Ok(weights.iter().enumerate().map(moved).collect())
    }
}

#[cfg(test)]
mod tests;
