//! Scores and mixed values of one block of the cache.

use super::{dense, halves};
use crate::kv_cache::{Block, Columns, Rows};
use crate::transformer::buffer::grown;
use half::f16;

/// Up to so many queries the block is read once, without copies in another order; with more, decoding and transposing it
/// pays.
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
    if are_few(queries, head_dim) {
        match &block.rows {
            Rows::Single { keys, .. } => dense::dot_products(queries, keys, head_dim, scores),
            Rows::Half { keys, .. } => dense::dot_products(queries, singles(keys, buffer), head_dim, scores),
            Rows::Cold(cold) => {
                scores.fill(0.0);
                for (first, panel) in cold.keys() {
                    let from = Columns { stride: head_dim, first };
                    panel.add_product(queries, from, scores, Columns::all(positions));
                }
            }
        }
    } else {
        scores.fill(0.0);
        dense::add_weighted(queries, transposed_keys(block, head_dim, buffer), positions, scores);
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
        Rows::Single { values, .. } => dense::add_weighted(weights, values, head_dim, sums),
        Rows::Half { values, .. } => dense::add_weighted(weights, singles(values, buffer), head_dim, sums),
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
            dense::add_weighted(weights, values, head_dim, sums);
        }
    }
}

/// head_dim × positions.
fn transposed_keys<'a>(block: &Block<'_>, head_dim: usize, buffer: &'a mut Vec<f32>) -> &'a [f32] {
    let positions = block.positions.len();
    let columns = grown(buffer, head_dim * positions);
    match &block.rows {
        Rows::Single { keys, .. } => dense::transpose(keys, head_dim, columns),
        Rows::Half { keys, .. } => dense::transpose_halves(keys, head_dim, columns),
        Rows::Cold(cold) => {
            for (first, panel) in cold.keys() {
                panel.decode(&mut columns[first * positions..], Columns::all(positions));
            }
        }
    }
    columns
}

fn are_few(queries: &[f32], head_dim: usize) -> bool {
    queries.len() <= FEW * head_dim
}

fn singles<'a>(halves: &[f16], buffer: &'a mut Vec<f32>) -> &'a [f32] {
    let singles = grown(buffer, halves.len());
    halves::widen(halves, singles);
    singles
}
