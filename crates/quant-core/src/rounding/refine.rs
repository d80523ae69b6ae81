//! Rounding again, a column at a time, with all others fixed (QuIP's greedy updates).
//!
//! With G = E·H the loss as a function of column j alone is H_jj·|ŵ_j + G_j/H_jj − v|² and a constant, v being what the
//! column is rounded to. A column is replaced only where that falls, so the loss never rises.

use super::ColumnRounder;
use super::damped::Damped;
use super::ldlq::{BLOCK, add_scaled};
use super::matrix::{Column, Rounded};
use crate::gemm::{Strided, add_product};
use crate::parallel::for_each_row;

/// One pass over the columns of `weights` (column after column); how many changed.
pub(super) fn refine(
    damped: &Damped,
    weights: &[f32],
    matrix: &mut Rounded,
    rounder: &mut dyn ColumnRounder,
) -> usize {
    let (rows, columns) = (matrix.rows(), matrix.columns());
    let mut decoded = matrix.decode();
    let errors: Vec<f32> = weights.iter().zip(&decoded).map(|(weight, decoded)| weight - decoded).collect();
    let mut gradient = vec![0.0; errors.len()];
    add_errors(damped, 0, &errors, &mut gradient, rows);
    let mut found = Column::new(rows);
    let mut targets = vec![0.0; rows];
    let mut changed = 0;
    for start in (0..columns).step_by(BLOCK) {
        let end = columns.min(start + BLOCK);
        // Changes of this block's errors, and those of the gradient inside the block.
        let mut changes = vec![0.0; (end - start) * rows];
        let mut inside = gradient[start * rows..end * rows].to_vec();
        for column in start..end {
            let at = (column - start) * rows;
            let weight = damped.hessian()[column * columns + column];
            let old = &mut decoded[column * rows..][..rows];
            for ((target, old), gradient) in targets.iter_mut().zip(&*old).zip(&inside[at..]) {
                *target = old + gradient / weight;
            }
            matrix.round(rounder, column, &targets, &mut found);
            if distance(&targets, &found.decoded) >= distance(&targets, old) {
                continue;
            }
            changed += 1;
            let change = &mut changes[at..at + rows];
            for ((change, old), new) in change.iter_mut().zip(&*old).zip(&found.decoded) {
                *change = old - new;
            }
            old.copy_from_slice(&found.decoded);
            matrix.keep(column, &found);
            let moments = &damped.hessian()[column * columns + start..];
            for (gradient, moment) in inside.chunks_exact_mut(rows).zip(moments) {
                add_scaled(gradient, *moment, change);
            }
        }
        add_errors(damped, start, &changes, &mut gradient, rows);
    }
    changed
}

/// Adds to the gradient what the errors of the columns from `start` on contribute.
fn add_errors(damped: &Damped, start: usize, errors: &[f32], gradient: &mut [f32], rows: usize) {
    let (columns, block) = (damped.width(), errors.len() / rows);
    let errors = Strided::rows(errors, block, rows, rows);
    for_each_row(gradient, BLOCK * rows, |index, gradient| {
        let moments = &damped.hessian()[start * columns + index * BLOCK..];
        let moments = Strided::rows(moments, block, gradient.len() / rows, columns);
        add_product(moments.transposed(), errors, gradient);
    });
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum()
}
