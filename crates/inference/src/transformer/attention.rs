//! Causal grouped-query attention (Ainslie et al. 2023, arXiv 2305.13245), global or over a sliding window.

mod dense;
mod halves;
mod products;
mod softmax;
mod tile;

use super::buffer::grown;
use super::norm::RmsNorm;
use super::project::project;
use super::rope::{Rope, RopePair};
use crate::kv_cache::{KvCache, rotate_heads};
use crate::parallel;
use domain_types::{AttentionSpec, Linear};
use std::ops::Range;
use tile::{QUERY_TILE, Tile};

/// The attention half of a block, up to what its output projection reads.
pub(super) struct Attention {
    pub(super) query: Projection,
    pub(super) key: Projection,
    pub(super) value: Projection,
    pub(super) shape: HeadShape,
    /// Positions that a query sees, itself included; `None` for all.
    pub(super) window: Option<usize>,
}

/// A linear layer with what follows it: a bias (Qwen 2), a norm per head (Qwen 3, Gemma 3).
pub(super) struct Projection {
    pub(super) linear: Box<dyn Linear>,
    pub(super) bias: Option<Vec<f32>>,
    pub(super) head_norm: Option<RmsNorm>,
}

/// How queries share keys.
#[derive(Clone, Copy)]
pub(super) struct HeadShape {
    pub(super) kv_heads: usize,
    /// Query heads per key head.
    pub(super) group: usize,
    pub(super) head_dim: usize,
    /// What scores are multiplied by.
    pub(super) scale: f32,
}

impl HeadShape {
    pub(super) fn new(spec: &AttentionSpec) -> Self {
        let group = spec.heads / spec.kv_heads;
        Self { kv_heads: spec.kv_heads, group, head_dim: spec.head_dim, scale: spec.scale }
    }
}

/// Activations of an attention layer, kept between calls.
#[derive(Default)]
pub(super) struct AttentionScratch {
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
    tiles: Vec<Tile>,
}

impl Attention {
    /// Width of what comes out: all query heads.
    pub(super) fn width(&self) -> usize {
        self.query.linear.out_features()
    }

    /// Mixes values as queries and keys say. `x`: tokens × width of the residual stream; `mixed`: tokens × heads. Stores
    /// keys and values of layer `layer` in the cache.
    pub(super) fn forward(
        &self,
        layer: usize,
        x: &[f32],
        rope: &RopePair,
        cache: &mut KvCache,
        scratch: &mut AttentionScratch,
        mixed: &mut [f32],
    ) {
        let tokens = x.len() / self.query.linear.in_features();
        let AttentionScratch { query, key, value, tiles } = scratch;
        let (rope, head_dim) = (rope.of_layer(self.window.is_some()), self.shape.head_dim);
        // A token's products are small; those of many tokens keep all threads busy one by one.
        let shared = tokens == 1;
        let (query, (key, value)) = parallel::join(
            shared,
            move || self.query.forward(x, tokens, Some(rope), head_dim, query),
            move || {
                parallel::join(
                    shared,
                    move || self.key.forward(x, tokens, Some(rope), head_dim, key),
                    move || self.value.forward(x, tokens, None, head_dim, value),
                )
            },
        );
        if cache.rotated() {
            for heads in [&mut *query, &mut *key, &mut *value] {
                rotate_heads(heads, head_dim);
            }
        }
        let (query_width, kv_width) = (query.len() / tokens, key.len() / tokens);
        let mut piece = cache.piece(0, tokens);
        while !piece.is_empty() {
            let part = piece.start * kv_width..piece.end * kv_width;
            cache.store(layer, piece.start, &key[part.clone()], &value[part]);
            let part = piece.start * query_width..piece.end * query_width;
            self.attend(layer, piece.clone(), &query[part.clone()], cache, tiles, &mut mixed[part]);
            piece = cache.piece(piece.end, tokens);
        }
        if cache.rotated() {
            rotate_heads(mixed, head_dim);
        }
    }

    /// Cuts a piece of a batch into tiles of queries that share a key head, and puts their results together.
    fn attend(
        &self,
        layer: usize,
        piece: Range<usize>,
        query: &[f32],
        cache: &KvCache,
        tiles: &mut Vec<Tile>,
        mixed: &mut [f32],
    ) {
        let HeadShape { kv_heads, group, head_dim, .. } = self.shape;
        let (tokens, position) = (piece.len(), cache.len() + piece.start);
        let count = tokens.div_ceil(QUERY_TILE) * kv_heads;
        if tiles.len() < count {
            tiles.resize_with(count, Tile::default);
        }
        let tiles = &mut tiles[..count];
        let cost = query.len() * (position + tokens);
        let first_token = |index: usize| index / kv_heads * QUERY_TILE;
        parallel::for_each(tiles, cost, |index, tile| {
            let (kv_head, first) = (index % kv_heads, first_token(index));
            let rows = first..tokens.min(first + QUERY_TILE);
            tile.load_queries(query, rows.clone(), kv_head, &self.shape);
            tile.attend(cache, layer, kv_head, position + rows.start, self.window, &self.shape);
        });
        let (width, part) = (kv_heads * group * head_dim, group * head_dim);
        for (index, tile) in tiles.iter().enumerate() {
            let (at, first) = (index % kv_heads * part, first_token(index));
            for (row, values) in mixed[first * width..].chunks_exact_mut(width).zip(tile.results(part)) {
                row[at..at + part].copy_from_slice(values);
            }
        }
    }

    pub(super) fn weight_bytes(&self) -> usize {
        let inputs = [&self.query, &self.key, &self.value];
        inputs.iter().map(|p| p.linear.weight_bytes()).sum()
    }
}

impl Projection {
    /// Projects, adds the bias, norms and rotates each head.
    fn forward<'a>(
        &self,
        x: &[f32],
        tokens: usize,
        rope: Option<&Rope>,
        head_dim: usize,
        out: &'a mut Vec<f32>,
    ) -> &'a mut [f32] {
        let width = self.linear.out_features();
        let out = grown(out, tokens * width);
        project(&*self.linear, x, tokens, out);
        if self.bias.is_none() && self.head_norm.is_none() && rope.is_none() {
            return out;
        }
        parallel::for_each_row(out, width, |token, row| {
            if let Some(bias) = &self.bias {
                row.iter_mut().zip(bias).for_each(|(x, b)| *x += b);
            }
            for head in row.chunks_exact_mut(head_dim) {
                if let Some(norm) = &self.head_norm {
                    norm.normalize_in_place(head);
                }
                if let Some(rope) = rope {
                    rope.rotate(token, head);
                }
            }
        });
        out
    }
}
