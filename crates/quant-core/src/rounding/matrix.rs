//! A matrix between floats and bytes.

use super::{ColumnRounder, ScaledFormat};
use half::f16;
use std::ops::Range;

/// Scales, codes and levels. Columns lie together, since they are what is rounded at a time.
pub(crate) struct Rounded {
    rows: usize,
    columns: usize,
    block_len: usize,
    /// Block after block, a scale for each row, as F16 keeps it.
    scales: Vec<f32>,
    codes: Vec<u8>,
    levels: Vec<f32>,
}

impl Rounded {
    /// Scales for `weights`, row after row, and no codes yet. Importance is per column.
    pub(super) fn new(format: &dyn ScaledFormat, weights: &[f32], importance: &[f32]) -> Self {
        let columns = importance.len();
        let rows = weights.len() / columns;
        let block_len = format.block_len().unwrap_or(columns);
        let mut matrix = Self {
            rows,
            columns,
            block_len,
            scales: vec![0.0; rows * columns.div_ceil(block_len)],
            codes: vec![0; weights.len()],
            levels: vec![0.0; weights.len()],
        };
        for block in 0..matrix.blocks() {
            let columns = matrix.block_columns(block);
            for (row, weights) in weights.chunks_exact(matrix.columns).enumerate() {
                let scale = format.scale(&weights[columns.clone()], &importance[columns.clone()]);
                matrix.set_scale(block, row, scale);
            }
        }
        matrix
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    pub(crate) fn blocks(&self) -> usize {
        self.columns.div_ceil(self.block_len)
    }

    /// The columns of a block.
    pub(crate) fn block_columns(&self, block: usize) -> Range<usize> {
        block * self.block_len..self.columns.min((block + 1) * self.block_len)
    }

    /// Each row's scale of a block.
    pub(crate) fn scales(&self, block: usize) -> &[f32] {
        &self.scales[block * self.rows..][..self.rows]
    }

    /// The codes of a column.
    pub(crate) fn codes(&self, column: usize) -> &[u8] {
        &self.codes[column * self.rows..][..self.rows]
    }

    /// All levels, column after column.
    pub(super) fn levels(&self) -> &[f32] {
        &self.levels
    }

    /// Sets a scale to the F16 nearest to `scale`.
    pub(super) fn set_scale(&mut self, block: usize, row: usize, scale: f32) {
        let kept = f16::from_f32(scale.clamp(-65504.0, 65504.0));
        self.scales[block * self.rows + row] = kept.to_f32();
    }

    /// Rounds a column to targets into `found`, without keeping it.
    pub(super) fn round(
        &self,
        rounder: &mut dyn ColumnRounder,
        column: usize,
        targets: &[f32],
        found: &mut Column,
    ) {
        let scales = self.scales(column / self.block_len);
        found.steps.clear();
        found.steps.extend(targets.iter().zip(scales).map(|(target, scale)| target * inverse(*scale)));
        rounder.round(&found.steps, scales, &mut found.codes, &mut found.levels);
        for ((decoded, level), scale) in found.decoded.iter_mut().zip(&found.levels).zip(scales) {
            *decoded = level * scale;
        }
    }

    /// Keeps what [`round`](Self::round) found.
    pub(super) fn keep(&mut self, column: usize, found: &Column) {
        let place = column * self.rows..(column + 1) * self.rows;
        self.codes[place.clone()].copy_from_slice(&found.codes);
        self.levels[place].copy_from_slice(&found.levels);
    }

    /// All weights that will be read back, column after column.
    pub(super) fn decode(&self) -> Vec<f32> {
        let columns = self.levels.chunks_exact(self.rows).enumerate();
        let weights = columns.flat_map(|(column, levels)| {
            levels.iter().zip(self.scales(column / self.block_len)).map(|(level, scale)| level * scale)
        });
        weights.collect()
    }
}

/// Zero for a scale of zero: all levels then decode to zero.
fn inverse(scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { scale.recip() }
}

/// A rounded column that may or may not be kept.
pub(super) struct Column {
    steps: Vec<f32>,
    codes: Vec<u8>,
    levels: Vec<f32>,
    /// The weights that would be read back.
    pub(super) decoded: Vec<f32>,
}

impl Column {
    pub(super) fn new(rows: usize) -> Self {
        Self { steps: Vec::new(), codes: vec![0; rows], levels: vec![0.0; rows], decoded: vec![0.0; rows] }
    }
}

/// Rows of `columns` numbers as columns.
pub(super) fn transpose(numbers: &[f32], columns: usize) -> Vec<f32> {
    /// Side of a square that stays in the cache.
    const SIDE: usize = 32;
    let rows = numbers.len() / columns;
    let mut transposed = vec![0.0; numbers.len()];
    for top in (0..rows).step_by(SIDE) {
        for left in (0..columns).step_by(SIDE) {
            for row in top..rows.min(top + SIDE) {
                for column in left..columns.min(left + SIDE) {
                    transposed[column * rows + row] = numbers[row * columns + column];
                }
            }
        }
    }
    transposed
}
