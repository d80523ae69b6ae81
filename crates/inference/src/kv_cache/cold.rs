//! Older positions of one head, in few bits, a block at a time.

use super::panel::{Fit, MOST_SHARING, Panel, PanelShape, PanelStore, Steps};
use half::f16;
use half::slice::HalfFloatSliceExt;

/// Positions that become cold together.
pub(crate) const BLOCK: usize = 64;

/// Blocks of quantized keys and values. Both are cut into groups of dimensions, and a group has a step and an offset
/// per position. Keys lie transposed, so that scores of neighbouring positions and dimensions of neighbouring values
/// are each made side by side.
pub(super) struct Cold {
    head_dim: usize,
    /// Blocks that it may hold.
    limit: usize,
    /// Per block and group: group × `BLOCK` positions.
    keys: PanelStore,
    /// Per block and group: `BLOCK` positions × group.
    values: PanelStore,
}

impl Cold {
    pub(super) fn new(head_dim: usize, limit: usize, (key_bits, value_bits): (usize, usize)) -> Self {
        let group = group(head_dim);
        let (steps, fit) = (Steps::PerLane, Fit::LeastSquares);
        let keys = PanelShape { bits: key_bits, rows: group, lanes: BLOCK, steps, fit };
        let (steps, fit) = (Steps::PerRow, Fit::Unshrunk);
        let values = PanelShape { bits: value_bits, rows: BLOCK, lanes: group, steps, fit };
        Self { head_dim, limit, keys: PanelStore::new(keys), values: PanelStore::new(values) }
    }

    /// Panels of a block.
    fn groups(&self) -> usize {
        self.head_dim.div_ceil(group(self.head_dim))
    }

    /// Blocks in it.
    pub(super) fn blocks(&self) -> usize {
        self.values.panels() / self.groups()
    }

    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.values.clear();
    }

    /// Appends a block: `BLOCK` × head_dim keys and values.
    pub(super) fn push(&mut self, keys: &[f16], values: &[f16]) {
        let (groups, width) = (self.groups(), group(self.head_dim));
        for (store, rows) in [(&mut self.keys, keys), (&mut self.values, values)] {
            store.reserve(groups, self.limit * groups);
            for first in (0..self.head_dim).step_by(width) {
                let end = self.head_dim.min(first + width);
                let mut vectors = [[0.0; MOST_SHARING]; BLOCK];
                for (vector, row) in vectors.iter_mut().zip(rows.chunks_exact(self.head_dim)) {
                    row[first..end].convert_to_f32_slice(&mut vector[..end - first]);
                    // A number that is there already does not widen the range.
                    let filler = vector[0];
                    vector[end - first..].fill(filler);
                }
                store.push(&vectors);
            }
        }
    }

    /// Keys of a block, transposed, group by group.
    pub(super) fn keys(&self, block: usize) -> impl Iterator<Item = (usize, Panel<'_>)> + use<'_> {
        self.panels(&self.keys, block)
    }

    /// Values of a block, group by group.
    pub(super) fn values(&self, block: usize) -> impl Iterator<Item = (usize, Panel<'_>)> + use<'_> {
        self.panels(&self.values, block)
    }

    /// Panels of a block, each with its first dimension.
    fn panels<'a>(
        &'a self,
        store: &'a PanelStore,
        block: usize,
    ) -> impl Iterator<Item = (usize, Panel<'a>)> + use<'a> {
        let (groups, width) = (self.groups(), group(self.head_dim));
        (0..groups).map(move |index| (index * width, store.panel(block * groups + index)))
    }

    /// Bytes that it has taken.
    pub(super) fn bytes(&self) -> usize {
        self.keys.bytes() + self.values.bytes()
    }
}

/// Dimensions that share a step: 64 where heads are multiples of that, else 32 (the last group is filled up).
pub(super) fn group(head_dim: usize) -> usize {
    if head_dim.is_multiple_of(MOST_SHARING) { MOST_SHARING } else { MOST_SHARING / 2 }
}
