//! A tile of a sum of outer products.

use crate::gemm::gram_tile;
use std::ops::Range;

/// Rows and columns of a tile: enough of them for all cores, and few enough that little is computed twice on the
/// diagonal.
const SIDE: usize = 192;

/// Part of Σ x·xᵀ: F64 sums of F32 products.
#[derive(Debug)]
pub(super) struct Tile {
    rows: Range<usize>,
    columns: Range<usize>,
    sums: Vec<f64>,
    product: Vec<f32>,
}

impl Tile {
    /// Tiles that cover the upper triangle of a `width` × `width` matrix; those on the diagonal come in its order.
    pub(super) fn upper_triangle(width: usize) -> Vec<Self> {
        let side = |start: usize| start..width.min(start + SIDE);
        let starts = || (0..width).step_by(SIDE);
        let pairs =
            starts().flat_map(|row| starts().filter(move |&column| column >= row).map(move |c| (row, c)));
        pairs.map(|(row, column)| Self::new(side(row), side(column))).collect()
    }

    fn new(rows: Range<usize>, columns: Range<usize>) -> Self {
        let len = rows.len() * columns.len();
        Self { rows, columns, sums: vec![0.0; len], product: vec![0.0; len] }
    }

    /// Adds the products of `x`, rows of `width`.
    pub(super) fn add(&mut self, x: &[f32], width: usize) {
        gram_tile(x, width, self.rows.clone(), self.columns.clone(), &mut self.product);
        self.sums.iter_mut().zip(&self.product).for_each(|(sum, product)| *sum += f64::from(*product));
    }

    /// The sums on the matrix's diagonal: none for a tile beside it.
    pub(super) fn diagonal(&self) -> impl Iterator<Item = f64> + '_ {
        let on_it = if self.rows == self.columns { self.rows.len() } else { 0 };
        self.sums.iter().copied().step_by(self.columns.len() + 1).take(on_it)
    }

    /// Row, column and sum of each entry on or above the matrix's diagonal.
    pub(super) fn entries(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        let rows = self.rows.clone().zip(self.sums.chunks_exact(self.columns.len()));
        rows.flat_map(|(row, sums)| {
            let columns = self.columns.clone().zip(sums);
            columns.filter(move |&(column, _)| column >= row).map(move |(column, sum)| (row, column, *sum))
        })
    }
}
