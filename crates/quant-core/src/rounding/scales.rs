//! Scales of least loss for given codes.
//!
//! A row is w ≈ Σ_a s_a·q_a, q_a the levels of block a and zero elsewhere. Its loss is a quadratic form in the scales:
//! s_a = (w·H·q_a − Σ_{b≠a} s_b·q_b·H·q_a) / (q_a·H·q_a) is best with the others fixed. With one scale per row that is
//! the answer; with more, a few sweeps are.

use super::damped::Damped;
use super::matrix::{Rounded, transpose};
use crate::gemm::{Strided, add_product};
use crate::parallel::for_each_row;

/// Sweeps over the scales of a row.
const SWEEPS: usize = 4;

/// Rows that go through a matrix product together.
const ROWS: usize = 32;

/// Sets the scales of `matrix`, which stands for `weights` (row after row).
pub(super) fn tune(damped: &Damped, weights: &[f32], matrix: &mut Rounded) {
    let (columns, blocks) = (matrix.columns(), matrix.blocks());
    let levels = transpose(matrix.levels(), matrix.rows());
    let mut scales = vec![0.0; matrix.rows() * blocks];
    for (row, scales) in scales.chunks_exact_mut(blocks).enumerate() {
        scales.iter_mut().enumerate().for_each(|(block, scale)| *scale = matrix.scales(block)[row]);
    }
    let bounds: Vec<_> = (0..blocks).map(|block| matrix.block_columns(block)).collect();
    for_each_row(&mut scales, ROWS * blocks, |strip, scales| {
        let rows = scales.len() / blocks;
        let place = strip * ROWS * columns..(strip * ROWS + rows) * columns;
        let (weights, levels) = (&weights[place.clone()], &levels[place]);
        // H·q of every block of every row.
        let products: Vec<Vec<f32>> = bounds
            .iter()
            .map(|bounds| {
                let mut product = vec![0.0; rows * columns];
                let levels = Strided::rows(&levels[bounds.start..], rows, bounds.len(), columns);
                let moments = &damped.hessian()[bounds.start * columns..];
                add_product(levels, Strided::rows(moments, bounds.len(), columns, columns), &mut product);
                product
            })
            .collect();
        for (row, scales) in scales.chunks_exact_mut(blocks).enumerate() {
            let of_row = row * columns..(row + 1) * columns;
            let (weights, levels) = (&weights[of_row.clone()], &levels[of_row.clone()]);
            let products = |block: usize| &products[block][of_row.clone()];
            let fit = |block: usize| dot(products(block), weights);
            let overlap =
                |a: usize, b: usize| dot(&products(a)[bounds[b].clone()], &levels[bounds[b].clone()]);
            solve(scales, fit, overlap);
        }
    });
    for (row, scales) in scales.chunks_exact(blocks).enumerate() {
        scales.iter().enumerate().for_each(|(block, scale)| matrix.set_scale(block, row, *scale));
    }
}

/// Sweeps over the scales of one row. A block whose levels are all zero keeps its scale.
fn solve(scales: &mut [f32], fit: impl Fn(usize) -> f64, overlap: impl Fn(usize, usize) -> f64) {
    let blocks = scales.len();
    let fits: Vec<f64> = (0..blocks).map(fit).collect();
    let overlaps: Vec<f64> = (0..blocks * blocks).map(|i| overlap(i / blocks, i % blocks)).collect();
    for _ in 0..SWEEPS {
        for a in 0..blocks {
            let overlaps = &overlaps[a * blocks..][..blocks];
            let others: f64 =
                (0..blocks).filter(|b| *b != a).map(|b| overlaps[b] * f64::from(scales[b])).sum();
            let best = (fits[a] - others) / overlaps[a];
            if overlaps[a] > 0.0 && best.is_finite() {
                scales[a] = best as f32;
            }
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}
