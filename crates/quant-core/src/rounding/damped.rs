//! A Hessian made safe to factorise, and its factor.

use crate::QuantError;
use domain_types::Hessian;
#[cfg(feature = "ldlq")]
use faer::{Mat, Side, linalg::solvers::Llt};

/// Raises of the damping, tenfold each, before a Hessian counts as damaged.
#[cfg(feature = "ldlq")]
const ATTEMPTS: i32 = 8;

/// Damping that the first raise starts from where less was asked for.
#[cfg(feature = "ldlq")]
const LEAST_RAISE: f64 = 1e-4;

/// H + λ·mean(diag H)·I, and L of its decomposition L·D·Lᵀ with ones on L's diagonal.
pub(super) struct Damped {
    width: usize,
    hessian: Vec<f32>,
    feedback: Vec<f32>,
}

impl Damped {
    /// Damps and factorises.
    #[cfg(feature = "ldlq")]
    pub(super) fn new(hessian: &Hessian, damping: f32) -> Result<Self, QuantError> {
        let (cholesky, raise) = factorise(hessian, damping)?;
        let width = hessian.width();
        let mut feedback = vec![0.0; width * width];
        for (row, out) in feedback.chunks_exact_mut(width).enumerate() {
            for (column, out) in out[..=row].iter_mut().enumerate() {
                *out = share(&cholesky, row, column);
            }
        }
        let mut values = hessian.values().to_vec();
        values.iter_mut().step_by(width + 1).for_each(|v| *v = (f64::from(*v) + raise) as f32);
        Ok(Self { width, hessian: values, feedback })
    }

    /// Without `faer` there is no quantizer that would ask.
    #[cfg(not(feature = "ldlq"))]
    pub(super) fn new(hessian: &Hessian, _: f32) -> Result<Self, QuantError> {
        Err(QuantError::IndefiniteHessian { width: hessian.width() })
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

/// The Cholesky factor of H + raise·I in F64, and the raise: `damping` times the mean of H's diagonal. Inputs that never
/// fired get the raise as their own second moment, so they have a factor like all others. Where rounding errors or few
/// tokens make a pivot fail, the raise grows.
#[cfg(feature = "ldlq")]
pub(crate) fn factorise(hessian: &Hessian, damping: f32) -> Result<(Llt<f64>, f64), QuantError> {
    let width = hessian.width();
    let mean = hessian.diagonal().map(f64::from).sum::<f64>() / width as f64;
    let unit = if mean > 0.0 { mean } else { 1.0 };
    let mut damping = f64::from(damping);
    for _ in 0..ATTEMPTS {
        let raise = unit * damping;
        let damped = Mat::from_fn(width, width, |i, j| {
            f64::from(hessian.values()[i * width + j]) + if i == j { raise } else { 0.0 }
        });
        if let Ok(cholesky) = damped.llt(Side::Lower)
            && (0..width).all(|row| (0..=row).all(|column| share(&cholesky, row, column).is_finite()))
        {
            return Ok((cholesky, raise));
        }
        damping = (10.0 * damping).max(LEAST_RAISE);
    }
    Err(QuantError::IndefiniteHessian { width })
}

/// An entry of L of L·D·Lᵀ.
#[cfg(feature = "ldlq")]
fn share(cholesky: &Llt<f64>, row: usize, column: usize) -> f32 {
    let root = cholesky.L();
    (root[(row, column)] / root[(column, column)]) as f32
}
