//! Rotating a matrix from one side or the other.

use super::Rotation;
use crate::parallel;
use domain_types::OrthogonalTransform;

/// μ = max|W|·√(mn)/‖W‖_F of an m × n matrix: how far its largest entry is above the root mean square (QuIP,
/// arXiv:2307.13304). 0 where all weights are.
pub fn mu(weights: &[f32]) -> f64 {
    let energy: f64 = weights.iter().map(|&w| f64::from(w).powi(2)).sum();
    let largest = weights.iter().fold(0.0_f32, |m, w| m.max(w.abs()));
    if energy == 0.0 { 0.0 } else { f64::from(largest) * (weights.len() as f64 / energy).sqrt() }
}

/// W ← W·diag(gains): a norm's gains move into the layer that reads its output. Rows are as long as `gains`.
///
/// # Panics
/// If the weights are no whole rows.
pub fn scale_columns(weights: &mut [f32], gains: &[f32]) {
    assert!(weights.len().is_multiple_of(gains.len()), "weights must be whole rows of {}", gains.len());
    parallel::for_each_row(weights, gains.len(), |_, row| {
        row.iter_mut().zip(gains).for_each(|(w, gain)| *w *= gain);
    });
}

/// W ← W·Rᵀ, for a layer whose input x is rotated: W·Rᵀ·(R·x) = W·x. Rows of several times the rotation's width are
/// rotated piece by piece (the heads that an output projection reads).
///
/// # Panics
/// If the weights are no whole vectors of the rotation's width.
pub fn rotate_rows(weights: &mut [f32], rotation: &Rotation) {
    parallel::for_each_row(weights, rotation.width(), |_, row| rotation.apply(row));
}

/// W ← W·R: undoes [`rotate_rows`].
///
/// # Panics
/// If the weights are no whole vectors of the rotation's width.
pub fn restore_rows(weights: &mut [f32], rotation: &Rotation) {
    parallel::for_each_row(weights, rotation.width(), |_, row| rotation.invert(row));
}

/// W ← R·W, for a layer whose output is to be rotated. Rows are `row_len` long. Columns of several times the rotation's
/// width are rotated piece by piece (the heads that a value projection writes).
///
/// # Panics
/// If the number of rows is not a multiple of the rotation's width.
pub fn rotate_columns(weights: &mut [f32], row_len: usize, rotation: &Rotation) {
    map_columns(weights, row_len, rotation.width(), |column| rotation.apply(column));
}

/// W ← Rᵀ·W: undoes [`rotate_columns`].
///
/// # Panics
/// If the number of rows is not a multiple of the rotation's width.
pub fn restore_columns(weights: &mut [f32], row_len: usize, rotation: &Rotation) {
    map_columns(weights, row_len, rotation.width(), |column| rotation.invert(column));
}

/// Calls `map` with every piece of `width` entries of every column.
fn map_columns(weights: &mut [f32], row_len: usize, width: usize, map: impl Fn(&mut [f32]) + Sync + Send) {
    assert!(weights.len().is_multiple_of(width * row_len), "columns must be whole vectors of {width}");
    let mut columns = vec![0.0; width * row_len];
    for band in weights.chunks_exact_mut(width * row_len) {
        parallel::for_each_row(&mut columns, width, |index, column| {
            let entries = band[index..].iter().step_by(row_len);
            column.iter_mut().zip(entries).for_each(|(x, w)| *x = *w);
            map(column);
        });
        parallel::for_each_row(band, row_len, |index, row| {
            let entries = columns[index..].iter().step_by(width);
            row.iter_mut().zip(entries).for_each(|(w, x)| *w = *x);
        });
    }
}
