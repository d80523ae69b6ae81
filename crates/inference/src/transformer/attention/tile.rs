//! Attention of a few neighbouring queries that share a key head.
//!
//! Scores are made block by block with a running softmax (Dao et al. 2022, arXiv 2205.14135), so memory does not grow
//! with the context, and a block of keys is decoded once for all queries of the tile.

use super::softmax::RunningSoftmax;
use super::{HeadShape, products};
use crate::kv_cache::KvCache;
use crate::transformer::buffer::grown;
use std::ops::Range;

/// Tokens whose queries form a tile.
pub(super) const QUERY_TILE: usize = 32;

/// Buffers of one tile. A row is one query head of one token.
#[derive(Default)]
pub(super) struct Tile {
    rows: Vec<RunningSoftmax>,
    /// rows × head_dim, already scaled.
    queries: Vec<f32>,
    /// rows × positions of the block: scores, then weights.
    scores: Vec<f32>,
    /// The block's keys, then its values, in F32.
    block: Vec<f32>,
    /// rows × head_dim: sums of weighted values.
    sums: Vec<f32>,
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
        self.rows.resize(rows, RunningSoftmax::EMPTY);
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
        let (window, head_dim) = (window.unwrap_or(usize::MAX), shape.head_dim);
        let Self { rows, queries, scores, block: buffer, sums } = self;
        let end = position + rows.len() / shape.group;
        let start = (position + 1).saturating_sub(window);
        for block in cache.blocks(layer, kv_head, start..end, position) {
            let (first, len) = (block.positions.start, block.positions.len());
            let scores = grown(scores, len * rows.len());
            products::scores(&block, queries, head_dim, buffer, scores);
            let parts = scores.chunks_exact_mut(len).zip(sums.chunks_exact_mut(head_dim));
            for (index, (row, (scores, sums))) in rows.iter_mut().zip(parts).enumerate() {
                let own = position + index / shape.group;
                let visible =
                    (own + 1).saturating_sub(window).max(first)..(own + 1).clamp(first, first + len);
                row.weigh(scores, visible.start - first..visible.end - first, sums);
            }
            products::add_values(&block, scores, head_dim, buffer, sums);
        }
        let finished = rows.iter().zip(sums.chunks_exact_mut(head_dim));
        finished.for_each(|(row, sums)| row.finish(sums));
    }

    /// Mixed values, one slice of `part` per token.
    pub(super) fn results(&self, part: usize) -> impl Iterator<Item = &[f32]> {
        self.sums.chunks_exact(part)
    }
}
