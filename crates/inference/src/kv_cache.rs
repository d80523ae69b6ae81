//! Keys and values of past positions, in half precision.

use half::f16;
use half::slice::HalfFloatSliceExt;
use std::ops::Range;

/// Keys and values per layer and key head, F16 as in llama.cpp: half the memory traffic of F32, and the error is far
/// below that of any quantized weight.
///
/// Callers only write and read floats, so another storage can take this one's place. Memory grows with use, up to
/// `capacity` positions.
pub(crate) struct KvCache {
    /// One per layer and key head: `layer * kv_heads + head`.
    streams: Vec<Stream>,
    kv_heads: usize,
    head_dim: usize,
    capacity: usize,
    len: usize,
}

/// One head of one layer: positions × `head_dim`, twice.
#[derive(Default)]
struct Stream {
    keys: Vec<f16>,
    values: Vec<f16>,
}

impl KvCache {
    /// An empty cache.
    pub(crate) fn new(layers: usize, kv_heads: usize, head_dim: usize, capacity: usize) -> Self {
        let streams = (0..layers * kv_heads).map(|_| Stream::default()).collect();
        Self { streams, kv_heads, head_dim, capacity, len: 0 }
    }

    /// Positions that every layer has.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Positions that fit.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Forgets all positions; memory is kept.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Stores keys and values (tokens × `kv_heads · head_dim`) of one layer after the positions that count. They
    /// count once [`advance`](Self::advance) was called for all layers together.
    pub(crate) fn store(&mut self, layer: usize, keys: &[f32], values: &[f32]) {
        let (head_dim, kv_heads, start) = (self.head_dim, self.kv_heads, self.len * self.head_dim);
        let limit = self.capacity * head_dim;
        for head in 0..kv_heads {
            let stream = &mut self.streams[layer * kv_heads + head];
            for (floats, halves) in [(keys, &mut stream.keys), (values, &mut stream.values)] {
                let end = start + floats.len() / kv_heads;
                reserve(halves, end, limit);
                halves.resize(end, f16::ZERO);
                let rows = floats.chunks_exact(head_dim).skip(head).step_by(kv_heads);
                for (to, from) in halves[start..].chunks_exact_mut(head_dim).zip(rows) {
                    to.convert_from_f32_slice(from);
                }
            }
        }
    }

    /// Makes `tokens` stored positions count.
    pub(crate) fn advance(&mut self, tokens: usize) {
        self.len += tokens;
    }

    /// Decodes keys of stored positions: positions × `head_dim`.
    pub(crate) fn read_keys(&self, layer: usize, head: usize, positions: Range<usize>, out: &mut [f32]) {
        let range = positions.start * self.head_dim..positions.end * self.head_dim;
        self.streams[layer * self.kv_heads + head].keys[range].convert_to_f32_slice(out);
    }

    /// Decodes values of stored positions: positions × `head_dim`.
    pub(crate) fn read_values(&self, layer: usize, head: usize, positions: Range<usize>, out: &mut [f32]) {
        let range = positions.start * self.head_dim..positions.end * self.head_dim;
        self.streams[layer * self.kv_heads + head].values[range].convert_to_f32_slice(out);
    }
}

/// Makes room for `needed` elements: doubling, but never beyond `limit`.
fn reserve(halves: &mut Vec<f16>, needed: usize, limit: usize) {
    if needed > halves.capacity() {
        let target = needed.max(2 * halves.capacity()).min(limit.max(needed));
        halves.reserve_exact(target - halves.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_kept_apart_and_positions_in_order() {
        let mut cache = KvCache::new(2, 2, 2, 4);
        cache.store(1, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], &[-1.0; 8]);
        cache.advance(2);
        cache.store(1, &[8.0, 9.0, 10.0, 11.0], &[-2.0; 4]);
        cache.advance(1);
        let mut out = [0.0; 6];
        cache.read_keys(1, 1, 0..3, &mut out);
        assert_eq!(out, [2.0, 3.0, 6.0, 7.0, 10.0, 11.0]);
        cache.read_values(1, 0, 1..3, &mut out[..4]);
        assert_eq!(out[..4], [-1.0, -1.0, -2.0, -2.0]);
    }

    #[test]
    fn positions_that_do_not_count_are_overwritten() {
        let mut cache = KvCache::new(1, 1, 1, 4);
        cache.store(0, &[1.0, 2.0], &[1.0, 2.0]);
        cache.store(0, &[3.0], &[3.0]);
        cache.advance(1);
        let mut out = [0.0];
        cache.read_keys(0, 0, 0..1, &mut out);
        assert_eq!((out, cache.len()), ([3.0], 1));
    }

    #[test]
    fn memory_stays_within_the_capacity() {
        let mut cache = KvCache::new(1, 1, 4, 5);
        for _ in 0..5 {
            cache.store(0, &[0.0; 4], &[0.0; 4]);
            cache.advance(1);
        }
        assert!(cache.streams[0].keys.capacity() <= 5 * 4);
    }
}
