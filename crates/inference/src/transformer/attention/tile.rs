//! Attention of a few neighbouring queries that share a key head.
//!
//! Scores are made block by block with a running softmax (Milakov and Gimelshein 2018, arXiv 1805.02867; Dao et al.
//! 2022, arXiv 2205.14135), so memory does not grow with the context, and a block of keys is decoded once for all
//! queries of the tile.

use super::HeadShape;
use crate::kv_cache::KvCache;
use crate::transformer::gemm;
use crate::transformer::scratch::grown;
use std::ops::Range;

/// Tokens whose queries form a tile.
pub(super) const QUERY_TILE: usize = 32;
/// Positions whose keys and values are decoded together.
const KEY_BLOCK: usize = 128;

/// Buffers of one tile. A row is one query head of one token.
#[derive(Default)]
pub(super) struct Tile {
    rows: Vec<Row>,
    /// rows × head_dim, already scaled.
    queries: Vec<f32>,
    /// rows × positions of the block: scores, then weights.
    scores: Vec<f32>,
    /// positions of the block × head_dim: keys, then values.
    block: Vec<f32>,
    /// rows × head_dim: sums of weighted values.
    sums: Vec<f32>,
}

/// Running softmax of one query.
#[derive(Clone, Copy)]
struct Row {
    /// Largest score so far.
    max: f32,
    /// Sum of exp(score − max) so far.
    total: f32,
}

impl Tile {
    /// Takes the queries of tokens `tokens` for key head `kv_head` out of a batch (tokens × query width).
    pub(super) fn load_queries(
        &mut self,
        batch: &[f32],
        tokens: Range<usize>,
        kv_head: usize,
        shape: &HeadShape,
    ) {
        let part = shape.group * shape.head_dim;
        let width = shape.kv_heads * part;
        self.queries.clear();
        for token in tokens {
            let start = token * width + kv_head * part;
            self.queries.extend(batch[start..start + part].iter().map(|x| x * shape.scale));
        }
        let rows = self.queries.len() / shape.head_dim;
        self.rows.clear();
        self.rows.resize(rows, Row { max: f32::NEG_INFINITY, total: 0.0 });
        self.sums.clear();
        self.sums.resize(self.queries.len(), 0.0);
    }

    /// Lets every query see the positions up to its own, or the last `window` of them. The first query is at
    /// `position`.
    pub(super) fn attend(
        &mut self,
        cache: &KvCache,
        layer: usize,
        kv_head: usize,
        position: usize,
        window: Option<usize>,
        shape: &HeadShape,
    ) {
        let window = window.unwrap_or(usize::MAX);
        let end = position + self.rows.len() / shape.group;
        let start = (position + 1).saturating_sub(window);
        for first in (start..end).step_by(KEY_BLOCK) {
            let positions = first..end.min(first + KEY_BLOCK);
            let block = grown(&mut self.block, positions.len() * shape.head_dim);
            let scores = grown(&mut self.scores, positions.len() * self.rows.len());
            cache.read_keys(layer, kv_head, positions.clone(), block);
            gemm::times_transposed(&self.queries, block, shape.head_dim, scores);
            cache.read_values(layer, kv_head, positions.clone(), block);
            let rows =
                scores.chunks_exact_mut(positions.len()).zip(self.sums.chunks_exact_mut(shape.head_dim));
            for (index, (row, (scores, sums))) in self.rows.iter_mut().zip(rows).enumerate() {
                let own = position + index / shape.group;
                let visible =
                    (own + 1).saturating_sub(window).max(positions.start)..positions.end.min(own + 1);
                row.weigh(scores, visible.start - first..visible.end.max(first) - first, sums);
            }
            gemm::add_product(scores, block, positions.len(), &mut self.sums);
        }
        for (sums, row) in self.sums.chunks_exact_mut(shape.head_dim).zip(&self.rows) {
            for sum in sums {
                *sum /= row.total;
            }
        }
    }

    /// Mixed values, one slice of `part` per token.
    pub(super) fn results(&self, part: usize) -> impl Iterator<Item = &[f32]> {
        self.sums.chunks_exact(part)
    }
}

impl Row {
    /// Turns scores of a block into weights relative to the largest score so far (0 outside `visible`), and scales
    /// the sums made with an earlier largest score.
    fn weigh(&mut self, scores: &mut [f32], visible: Range<usize>, sums: &mut [f32]) {
        if visible.is_empty() {
            scores.fill(0.0);
            return;
        }
        let (hidden, rest) = scores.split_at_mut(visible.start);
        let (seen, after) = rest.split_at_mut(visible.len());
        hidden.fill(0.0);
        after.fill(0.0);
        let max = seen.iter().fold(self.max, |max, &s| max.max(s));
        if max > self.max {
            let shrink = (self.max - max).exp();
            self.total *= shrink;
            for sum in sums {
                *sum *= shrink;
            }
            self.max = max;
        }
        for score in seen {
            *score = (*score - max).exp();
            self.total += *score;
        }
    }
}
