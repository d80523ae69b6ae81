//! What rounding costs a layer.

use crate::QuantError;
use crate::parallel::for_each_row;
use domain_types::Hessian;

/// Rows that go through a matrix product together.
const ROWS: usize = 64;

/// tr(E·H·Eᵀ) / tr(W·H·Wᵀ) with E = W − Ŵ: the mean squared error of a layer's outputs, relative to their mean square,
/// on inputs of second moment H. Row after row, both as wide as the Hessian. Zero where there is no error, infinite
/// where outputs that are all zero have one.
pub fn proxy_loss(weights: &[f32], decoded: &[f32], hessian: &Hessian) -> Result<f64, QuantError> {
    if weights.len() != decoded.len() {
        return Err(QuantError::WeightCount { expected: decoded.len(), actual: weights.len() });
    }
    let width = hessian.width();
    if !weights.len().is_multiple_of(width) {
        return Err(QuantError::HessianWidth { hessian: width, weights: weights.len(), row_len: width });
    }
    let moments: Vec<f64> = hessian.values().iter().map(|v| f64::from(*v)).collect();
    let error = energy(weights.len(), |i| f64::from(weights[i]) - f64::from(decoded[i]), &moments, width);
    if error == 0.0 {
        return Ok(0.0);
    }
    Ok(error / energy(weights.len(), |i| f64::from(weights[i]), &moments, width))
}

/// Σ x·H·xᵀ over the rows x of `n` numbers. F64, since H is mostly a few large directions in which errors cancel.
fn energy(n: usize, number: impl Fn(usize) -> f64 + Sync, moments: &[f64], width: usize) -> f64 {
    let mut strips = vec![0.0; n.div_ceil(ROWS * width)];
    for_each_row(&mut strips, 1, |strip, out| {
        let start = strip * ROWS * width;
        let rows: Vec<f64> = (start..n.min(start + ROWS * width)).map(&number).collect();
        let mut products = vec![0.0; rows.len()];
        multiply(&rows, moments, width, &mut products);
        out[0] = rows.iter().zip(&products).map(|(a, b)| a * b).sum();
    });
    strips.iter().sum()
}

/// `products = rows·moments`, all of them rows of `width`.
fn multiply(rows: &[f64], moments: &[f64], width: usize, products: &mut [f64]) {
    let n = rows.len() / width;
    assert!(rows.len() == products.len() && n * width == rows.len() && moments.len() == width * width);
    // SAFETY: rows and products are n × width, moments width × width, all without gaps, as asserted above.
    unsafe {
        let stride = width as isize;
        matrixmultiply::dgemm(
            n,
            width,
            width,
            1.0,
            rows.as_ptr(),
            stride,
            1,
            moments.as_ptr(),
            stride,
            1,
            0.0,
            products.as_mut_ptr(),
            stride,
            1,
        );
    }
}
