//! Column by column with feedback.
//!
//! With H = L·D·Lᵀ the loss of a row's errors e is Σ_j D_j·(e_j + Σ_{k>j} e_k·L_kj)². So columns are rounded from the
//! last to the first, and each aims at w_j + Σ_{k>j} e_k·L_kj: what is left to lose is its own rounding error alone.

use super::damped::Damped;
use crate::gemm::{Strided, add_product};
use crate::parallel::for_each_row;

/// Columns whose errors reach the columns before them in one matrix product.
pub(super) const BLOCK: usize = 64;

/// Rounds `weights`, column after column: `round(column, targets, decoded)` writes what will be read back.
pub(super) fn ldlq(damped: &Damped, weights: &[f32], mut round: impl FnMut(usize, &[f32], &mut [f32])) {
    let columns = damped.width();
    let rows = weights.len() / columns;
    let mut targets = weights.to_vec();
    let mut errors = vec![0.0; BLOCK * rows];
    for start in (0..columns).step_by(BLOCK).rev() {
        let end = columns.min(start + BLOCK);
        let errors = &mut errors[..(end - start) * rows];
        let (before, block) = targets[..end * rows].split_at_mut(start * rows);
        for column in (start..end).rev() {
            let error = &mut errors[(column - start) * rows..][..rows];
            let (earlier, target) = block.split_at_mut((column - start) * rows);
            round(column, &target[..rows], error);
            for (error, weight) in error.iter_mut().zip(&weights[column * rows..]) {
                *error = weight - *error;
            }
            let shares = &damped.feedback()[column * columns + start..];
            for (target, share) in earlier.chunks_exact_mut(rows).zip(shares) {
                add_scaled(target, *share, error);
            }
        }
        feed_back(damped, start, errors, before, rows);
    }
}

/// Adds the shares of a block's errors to the targets of all columns before it.
fn feed_back(damped: &Damped, start: usize, errors: &[f32], before: &mut [f32], rows: usize) {
    let (columns, block) = (damped.width(), errors.len() / rows);
    let errors = Strided::rows(errors, block, rows, rows);
    for_each_row(before, BLOCK * rows, |index, targets| {
        let shares = &damped.feedback()[start * columns + index * BLOCK..];
        let shares = Strided::rows(shares, block, targets.len() / rows, columns);
        add_product(shares.transposed(), errors, targets);
    });
}

/// `to += factor·from`.
pub(super) fn add_scaled(to: &mut [f32], factor: f32, from: &[f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += factor * from;
    }
}
