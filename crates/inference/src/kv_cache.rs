#![doc = include_str!("kv_cache/README.md")]

mod block;
mod cold;
mod options;
mod panel;
mod rotation;
mod rounding;
mod tail;

pub(crate) use block::{Block, Blocks, Rows};
pub use options::{KvFormat, KvOptions};
pub(crate) use panel::Columns;
pub(crate) use rotation::rotate_heads;
pub use rounding::ColdRounding;

use crate::parallel;
use cold::{BLOCK, Cold};
use half::f16;
use std::ops::Range;
use tail::Tail;

/// Keys and values of past positions, per layer and key head. Memory grows with use, up to `capacity` positions.
pub(crate) struct KvCache {
    /// One per layer and key head: `layer * kv_heads + head`.
    streams: Vec<Stream>,
    kv_heads: usize,
    head_dim: usize,
    capacity: usize,
    /// Positions before the own block that stay in F16; `None` where nothing becomes cold.
    tail: Option<usize>,
    rotated: bool,
    len: usize,
}

/// One head of one layer.
struct Stream {
    recent: Recent,
    /// Whether F16 was too narrow for it.
    widened: bool,
    cold: Option<Cold>,
}

/// The most recent positions.
enum Recent {
    Single(Tail<f32>),
    Half(Tail<f16>),
}

impl Recent {
    fn new(format: KvFormat, ring: usize, head_dim: usize) -> Self {
        match format {
            KvFormat::F32 => Self::Single(Tail::new(ring, head_dim)),
            _ => Self::Half(Tail::new(ring, head_dim)),
        }
    }

    /// From half to single precision, with what is stored. False where it was single already.
    fn widen(&mut self) -> bool {
        let Self::Half(tail) = self else { return false };
        *self = Self::Single(tail.widened());
        true
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Single(tail) => tail.bytes(),
            Self::Half(tail) => tail.bytes(),
        }
    }
}

impl KvCache {
    /// An empty cache.
    pub(crate) fn new(
        layers: usize,
        kv_heads: usize,
        head_dim: usize,
        capacity: usize,
        options: KvOptions,
    ) -> Self {
        let bits = options.format.cold_bits();
        let tail = bits.map(|_| options.tail.min(capacity).next_multiple_of(BLOCK));
        let ring = tail.map_or(capacity, |tail| tail + BLOCK);
        let limit = (capacity - 1) / BLOCK - tail.unwrap_or(0).min(capacity - 1) / BLOCK;
        let stream = |_| Stream {
            recent: Recent::new(options.format, ring, head_dim),
            widened: false,
            cold: bits.map(|bits| Cold::new(head_dim, limit, bits)),
        };
        let streams = (0..layers * kv_heads).map(stream).collect();
        let rotated = options.rotated && bits.is_some();
        Self { streams, kv_heads, head_dim, capacity, tail, rotated, len: 0 }
    }

    /// Positions that every layer has.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Positions that fit.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether keys and values are to come [rotated](rotate_heads). Then queries must be rotated as well, and mixed
    /// values rotated back.
    pub(crate) fn rotated(&self) -> bool {
        self.rotated
    }

    /// Whether numbers came that F16 does not hold, so that F32 has taken its place for some heads.
    pub(crate) fn widened(&self) -> bool {
        self.streams.iter().any(|stream| stream.widened)
    }

    /// Bytes of memory that it has taken for keys and values so far.
    pub(crate) fn bytes(&self) -> usize {
        let cold = |stream: &Stream| stream.cold.as_ref().map_or(0, Cold::bytes);
        self.streams.iter().map(|stream| stream.recent.bytes() + cold(stream)).sum()
    }

    /// Forgets all positions; memory is kept.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.streams.iter_mut().filter_map(|stream| stream.cold.as_mut()).for_each(Cold::clear);
    }

    /// Where the piece of a batch that begins at token `start` ends. A piece is stored and then attended to before the
    /// next: with two tiers it ends with a block, so that every query finds the same positions cold as if tokens came
    /// one by one.
    pub(crate) fn piece(&self, start: usize, tokens: usize) -> Range<usize> {
        let position = self.len + start;
        let end = self.tail.map_or(usize::MAX, |_| (position / BLOCK + 1) * BLOCK - self.len);
        start..tokens.min(end)
    }

    /// Stores keys and values (tokens × `kv_heads · head_dim`) of a [piece](Self::piece) of a batch for one layer. They
    /// count once [`advance`](Self::advance) was called for all layers together.
    pub(crate) fn store(&mut self, layer: usize, start: usize, keys: &[f32], values: &[f32]) {
        let Self { kv_heads, head_dim, tail, .. } = *self;
        let (position, width) = (self.len + start, kv_heads * head_dim);
        let streams = &mut self.streams[layer * kv_heads..(layer + 1) * kv_heads];
        if let Some(tail) = tail {
            // Quantizing a number costs some tens of operations.
            let cost = if position.is_multiple_of(BLOCK) { 32 * BLOCK * width } else { 0 };
            parallel::for_each(streams, cost, |_, stream| stream.cool(position, tail));
        }
        for (head, stream) in streams.iter_mut().enumerate() {
            let at = head * head_dim..(head + 1) * head_dim;
            let rows = keys.chunks_exact(width).zip(values.chunks_exact(width));
            let rows = rows.map(|(key, value)| (&key[at.clone()], &value[at.clone()]));
            if stream.cold.is_none() && !rows.clone().all(|(key, value)| fits_half(key) && fits_half(value)) {
                stream.widened |= stream.recent.widen();
            }
            match &mut stream.recent {
                Recent::Single(tail) => tail.write(position, rows),
                Recent::Half(tail) => tail.write(position, rows),
            }
        }
    }

    /// Makes `tokens` stored positions count.
    pub(crate) fn advance(&mut self, tokens: usize) {
        self.len += tokens;
    }

    /// Stored positions as a query at position `query` of the stored piece reads them.
    pub(crate) fn blocks(
        &self,
        layer: usize,
        head: usize,
        positions: Range<usize>,
        query: usize,
    ) -> Blocks<'_> {
        let boundary = self.tail.map_or(0, |tail| boundary(query, tail));
        Blocks { stream: &self.streams[layer * self.kv_heads + head], positions, boundary }
    }
}

impl Stream {
    /// Quantizes the block that leaves the tail when position `position` comes, if one does.
    fn cool(&mut self, position: usize, tail: usize) {
        // What is in single precision never becomes cold.
        let (Some(cold), Recent::Half(recent)) = (&mut self.cold, &self.recent) else { return };
        // Not again where the same positions are stored a second time.
        if boundary(position, tail) > cold.blocks() * BLOCK {
            let first = cold.blocks() * BLOCK;
            let (keys, values) = recent.rows(first..first + BLOCK);
            cold.push(keys, values);
        }
    }
}

/// Whether no number of a row becomes infinite in F16. Those that are not finite are errors of the weights.
fn fits_half(row: &[f32]) -> bool {
    // What lies above rounds to infinity.
    const MOST: f32 = 65_519.99;
    row.iter().all(|x| x.abs() <= MOST || !x.is_finite())
}

/// First position that a query at `position` reads in F16: its own block and `tail` positions before it.
fn boundary(position: usize, tail: usize) -> usize {
    (position / BLOCK * BLOCK).saturating_sub(tail)
}

/// Makes room for `needed` elements: doubling, but never beyond `limit`.
fn grow<T>(items: &mut Vec<T>, needed: usize, limit: usize) {
    if needed > items.capacity() {
        let target = needed.max(2 * items.capacity()).min(limit.max(needed));
        items.reserve_exact(target - items.len());
    }
}

#[cfg(test)]
mod tests;
