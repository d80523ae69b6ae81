//! Scores and mixed values of one block of the cache.

use super::few;
use crate::kv_cache::{Block, Columns, Rows};
use crate::transformer::buffer::grown;
use crate::transformer::gemm;
use half::f16;
use half::slice::HalfFloatSliceExt;

/// Up to so many queries the block is read once, without copies in another order; with more, decoding it for a matrix
/// product pays.
const FEW: usize = 8;

/// scores = queries · keysᵀ: queries × head_dim, queries × positions.
pub(super) fn scores(
    block: &Block<'_>,
    queries: &[f32],
    head_dim: usize,
    buffer: &mut Vec<f32>,
    scores: &mut [f32],
) {
    let positions = block.positions.len();
    match &block.rows {
        Rows::Single { keys, .. } => plain_scores(queries, keys, head_dim, scores),
        Rows::Half { keys, .. } => plain_scores(queries, floats(keys, buffer), head_dim, scores),
        Rows::Cold(cold) => {
            scores.fill(0.0);
            if are_few(queries, head_dim) {
                for (first, panel) in cold.keys() {
                    let from = Columns { stride: head_dim, first };
                    panel.add_product(queries, from, scores, Columns::all(positions));
                }
            } else {
                let keys = grown(buffer, head_dim * positions);
                for (first, panel) in cold.keys() {
                    panel.decode(&mut keys[first * positions..], Columns::all(positions));
                }
                gemm::add_product(queries, keys, head_dim, scores);
            }
        }
    }
}

/// sums += weights · values: queries × positions, queries × head_dim.
pub(super) fn add_values(
    block: &Block<'_>,
    weights: &[f32],
    head_dim: usize,
    buffer: &mut Vec<f32>,
    sums: &mut [f32],
) {
    let positions = block.positions.len();
    match &block.rows {
        Rows::Single { values, .. } => add_plain_values(weights, values, head_dim, sums),
        Rows::Half { values, .. } => add_plain_values(weights, floats(values, buffer), head_dim, sums),
        Rows::Cold(cold) if are_few(sums, head_dim) => {
            for (first, panel) in cold.values() {
                let to = Columns { stride: head_dim, first };
                panel.add_product(weights, Columns::all(positions), sums, to);
            }
        }
        Rows::Cold(cold) => {
            let values = grown(buffer, positions * head_dim);
            cold.values()
                .for_each(|(first, panel)| panel.decode(values, Columns { stride: head_dim, first }));
            gemm::add_product(weights, values, positions, sums);
        }
    }
}

fn plain_scores(queries: &[f32], keys: &[f32], head_dim: usize, scores: &mut [f32]) {
    if are_few(queries, head_dim) {
        few::dot_products(queries, keys, head_dim, scores);
    } else {
        gemm::times_transposed(queries, keys, head_dim, scores);
    }
}

fn add_plain_values(weights: &[f32], values: &[f32], head_dim: usize, sums: &mut [f32]) {
    if are_few(sums, head_dim) {
        few::add_weighted(weights, values, head_dim, sums);
    } else {
        gemm::add_product(weights, values, values.len() / head_dim, sums);
    }
}

fn are_few(queries: &[f32], head_dim: usize) -> bool {
    queries.len() <= FEW * head_dim
}

fn floats<'a>(halves: &[f16], buffer: &'a mut Vec<f32>) -> &'a [f32] {
    let floats = grown(buffer, halves.len());
    halves.convert_to_f32_slice(floats);
    floats
}
