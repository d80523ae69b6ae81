//! The most recent positions of one head, in half precision (or in single, where nothing is to be rounded).

use super::grow;
use half::f16;
use half::slice::HalfFloatSliceExt;
use std::ops::Range;

/// A number as the tail stores it.
pub(super) trait Stored: Copy + Default {
    /// Stores a row.
    fn store(row: &[f32], slot: &mut [Self]);
}

impl Stored for f16 {
    fn store(row: &[f32], slot: &mut [Self]) {
        slot.convert_from_f32_slice(row);
    }
}

impl Stored for f32 {
    fn store(row: &[f32], slot: &mut [Self]) {
        slot.copy_from_slice(row);
    }
}

impl Tail<f16> {
    /// The same numbers in single precision.
    pub(super) fn widened(&self) -> Tail<f32> {
        let wide = |numbers: &[f16]| numbers.iter().map(|x| x.to_f32()).collect();
        Tail { ring: self.ring, head_dim: self.head_dim, keys: wide(&self.keys), values: wide(&self.values) }
    }
}

/// Keys and values of the last `ring` positions (each positions × head_dim): position p lies in slot p mod `ring`.
/// Where the ring is as long as the cache, nothing is ever overwritten.
pub(super) struct Tail<T> {
    ring: usize,
    head_dim: usize,
    keys: Vec<T>,
    values: Vec<T>,
}

impl<T: Stored> Tail<T> {
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
        for stored in [&mut self.keys, &mut self.values] {
            if stored.len() < end {
                grow(stored, end, self.ring * self.head_dim);
                stored.resize(end, T::default());
            }
        }
        let keys = self.keys[start..end].chunks_exact_mut(self.head_dim);
        let values = self.values[start..end].chunks_exact_mut(self.head_dim);
        for ((key, value), (key_row, value_row)) in keys.zip(values).zip(rows) {
            T::store(key_row, key);
            T::store(value_row, value);
        }
    }

    /// As many of these positions as lie together in memory, from the first on.
    pub(super) fn together(&self, positions: Range<usize>) -> Range<usize> {
        let wrap = (positions.start / self.ring + 1) * self.ring;
        positions.start..positions.end.min(wrap)
    }

    /// Keys and values of positions that lie [together](Self::together).
    pub(super) fn rows(&self, positions: Range<usize>) -> (&[T], &[T]) {
        let start = positions.start % self.ring * self.head_dim;
        let range = start..start + positions.len() * self.head_dim;
        (&self.keys[range.clone()], &self.values[range])
    }

    /// Bytes that it has taken.
    pub(super) fn bytes(&self) -> usize {
        (self.keys.capacity() + self.values.capacity()) * size_of::<T>()
    }
}
