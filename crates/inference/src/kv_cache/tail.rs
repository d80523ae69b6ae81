//! The most recent positions of one head, in half precision.

use super::grow;
use half::f16;
use half::slice::HalfFloatSliceExt;
use std::ops::Range;

/// Keys and values of the last `ring` positions (each positions × head_dim): position p lies in slot p mod `ring`.
/// Where the ring is as long as the cache, nothing is ever overwritten.
pub(super) struct Tail {
    ring: usize,
    head_dim: usize,
    keys: Vec<f16>,
    values: Vec<f16>,
}

impl Tail {
    pub(super) fn new(ring: usize, head_dim: usize) -> Self {
        Self { ring, head_dim, keys: Vec::new(), values: Vec::new() }
    }

    /// Writes rows of consecutive positions from `position` on. They may not run past the ring's end.
    pub(super) fn write<'a>(
        &mut self,
        position: usize,
        rows: impl ExactSizeIterator<Item = (&'a [f32], &'a [f32])>,
    ) {
        let start = position % self.ring * self.head_dim;
        let end = start + rows.len() * self.head_dim;
        for halves in [&mut self.keys, &mut self.values] {
            if halves.len() < end {
                grow(halves, end, self.ring * self.head_dim);
                halves.resize(end, f16::ZERO);
            }
        }
        let keys = self.keys[start..end].chunks_exact_mut(self.head_dim);
        let values = self.values[start..end].chunks_exact_mut(self.head_dim);
        for ((key, value), (key_row, value_row)) in keys.zip(values).zip(rows) {
            key.convert_from_f32_slice(key_row);
            value.convert_from_f32_slice(value_row);
        }
    }

    /// As many of these positions as lie together in memory, from the first on.
    pub(super) fn together(&self, positions: Range<usize>) -> Range<usize> {
        let wrap = (positions.start / self.ring + 1) * self.ring;
        positions.start..positions.end.min(wrap)
    }

    /// Keys and values of positions that lie [together](Self::together).
    pub(super) fn rows(&self, positions: Range<usize>) -> (&[f16], &[f16]) {
        let start = positions.start % self.ring * self.head_dim;
        let range = start..start + positions.len() * self.head_dim;
        (&self.keys[range.clone()], &self.values[range])
    }

    /// Bytes that it has taken.
    pub(super) fn bytes(&self) -> usize {
        (self.keys.capacity() + self.values.capacity()) * size_of::<f16>()
    }
}
