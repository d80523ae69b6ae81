//! A Hessian made safe to factorise, and its factor.

use crate::QuantError;
use domain_types::Hessian;

/// Raises of the damping, tenfold each, before a Hessian counts as damaged.
const ATTEMPTS: i32 = 8;

/// Damping that the first raise starts from where less was asked for.
const LEAST_RAISE: f64 = 1e-4;

/// H + λ·mean(diag H)·I, and L of its decomposition L·D·Lᵀ with ones on L's diagonal.
pub(super) struct Damped {
    width: usize,
    hessian: Vec<f32>,
    feedback: Vec<f32>,
}

impl Damped {
    /// Damps and factorises. Inputs that never fired get λ times the mean as their own second moment, so they have a
    /// factor like all others. Where rounding errors or few tokens make a pivot fail, λ is raised.
    pub(super) fn new(hessian: &Hessian, damping: f32) -> Result<Self, QuantError> {
        let width = hessian.width();
        let mean = hessian.diagonal().map(f64::from).sum::<f64>() / width as f64;
        let unit = if mean > 0.0 { mean } else { 1.0 };
        let mut damping = f64::from(damping);
        for _ in 0..ATTEMPTS {
            let raise = unit * damping;
            if let Some(feedback) = unit_lower_factor(hessian, raise) {
                let mut values = hessian.values().to_vec();
                values.iter_mut().step_by(width + 1).for_each(|v| *v = (f64::from(*v) + raise) as f32);
                return Ok(Self { width, hessian: values, feedback });
            }
            damping = (10.0 * damping).max(LEAST_RAISE);
        }
        Err(QuantError::IndefiniteHessian { width })
    }

    /// Inputs.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The damped Hessian, row after row.
    pub(super) fn hessian(&self) -> &[f32] {
        &self.hessian
    }

    /// L, row after row: row k holds the share of column k's error that each earlier column makes up for.
    pub(super) fn feedback(&self) -> &[f32] {
        &self.feedback
    }
}

/// L of H + raise·I = L·D·Lᵀ, in F64; `None` where that is not positive definite.
#[cfg(feature = "ldlq")]
fn unit_lower_factor(hessian: &Hessian, raise: f64) -> Option<Vec<f32>> {
    use faer::{Mat, Side};
    let width = hessian.width();
    let damped = Mat::from_fn(width, width, |i, j| {
        f64::from(hessian.values()[i * width + j]) + if i == j { raise } else { 0.0 }
    });
    let cholesky = damped.llt(Side::Lower).ok()?;
    let root = cholesky.L();
    let mut factor = vec![0.0; width * width];
    for (row, out) in factor.chunks_exact_mut(width).enumerate() {
        for (column, out) in out[..=row].iter_mut().enumerate() {
            *out = (root[(row, column)] / root[(column, column)]) as f32;
        }
    }
    factor.iter().all(|v| v.is_finite()).then_some(factor)
}

/// Without `faer` there is no quantizer that would ask.
#[cfg(not(feature = "ldlq"))]
fn unit_lower_factor(_: &Hessian, _: f64) -> Option<Vec<f32>> {
    None
}
