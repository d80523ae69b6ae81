//! The calls into the dense matrix product.

use crate::parallel::for_each_row;
use std::ops::Range;

/// `c[i][t] = Σ_k a[i][k]·b[t][k]` for `m` rows of `a` and `tokens` rows of `b`, both `k` long: products of decoded
/// weight rows with activations. `c` is `m × tokens`.
pub(crate) fn rows_by_tokens(a: &[f32], b: &[f32], k: usize, c: &mut [f32]) {
    let (m, tokens) = (a.len() / k, b.len() / k);
    assert!(a.len() == m * k && b.len() == tokens * k && c.len() == m * tokens, "lengths must be whole rows");
    // SAFETY: the strides below stay inside slices whose lengths were asserted above: a is m × k with rows k apart,
    // b transposed is k × tokens with columns k apart, c is m × tokens with rows `tokens` apart.
    unsafe {
        matrixmultiply::sgemm(
            m,
            k,
            tokens,
            1.0,
            a.as_ptr(),
            k as isize,
            1,
            b.as_ptr(),
            1,
            k as isize,
            0.0,
            c.as_mut_ptr(),
            tokens as isize,
            1,
        );
    }
}

/// `c[i][j] = Σ_t x[t][rows.start + i]·x[t][columns.start + j]` for rows of `x` `width` long: a tile of xᵀ·x.
pub(crate) fn gram_tile(x: &[f32], width: usize, rows: Range<usize>, columns: Range<usize>, c: &mut [f32]) {
    let (tokens, m, n) = (x.len() / width, rows.len(), columns.len());
    assert!(x.len() == tokens * width && c.len() == m * n, "lengths must be whole rows");
    assert!(rows.end <= width && columns.end <= width, "the tile must lie inside");
    let (a, b) = (&x[rows.start..], &x[columns.start..]);
    // SAFETY: with the ranges inside a row, as asserted, element (t, i) of the first factor is x[t·width + rows.start
    // + i] and so on for the second: strides 1 and `width` stay inside x. c is m × n with rows n apart, as asserted,
    // and is borrowed mutably, so it overlaps neither.
    unsafe {
        matrixmultiply::sgemm(
            m,
            tokens,
            n,
            1.0,
            a.as_ptr(),
            1,
            width as isize,
            b.as_ptr(),
            width as isize,
            1,
            0.0,
            c.as_mut_ptr(),
            n as isize,
            1,
        );
    }
}

/// A matrix inside a slice: entry (i, j) is at `i·row + j·column`.
#[derive(Clone, Copy)]
pub(crate) struct Strided<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) row: usize,
    pub(crate) column: usize,
}

impl<'a> Strided<'a> {
    /// Rows of `columns` entries, `stride` apart.
    pub(crate) fn rows(values: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        Self { values, rows, columns, row: stride, column: 1 }
    }

    pub(crate) fn transposed(self) -> Self {
        Self { rows: self.columns, columns: self.rows, row: self.column, column: self.row, ..self }
    }

    fn is_inside(&self) -> bool {
        self.rows > 0
            && self.columns > 0
            && (self.rows - 1) * self.row + (self.columns - 1) * self.column < self.values.len()
    }
}

/// `c += a·b`, rows of `c` next to each other. An entry's terms are added in the same order wherever it lies in `c`.
pub(crate) fn add_product(a: Strided<'_>, b: Strided<'_>, c: &mut [f32]) {
    assert!(a.is_inside() && b.is_inside() && a.columns == b.rows && c.len() == a.rows * b.columns);
    // SAFETY: both factors lie inside their slices and c has a row for each of a's and a column for each of b's, as
    // asserted above.
    unsafe {
        matrixmultiply::sgemm(
            a.rows,
            a.columns,
            b.columns,
            1.0,
            a.values.as_ptr(),
            a.row as isize,
            a.column as isize,
            b.values.as_ptr(),
            b.row as isize,
            b.column as isize,
            1.0,
            c.as_mut_ptr(),
            b.columns as isize,
            1,
        );
    }
}

/// Rows of `a`, `inner` long, times a matrix of `inner` × `columns`: threads share the rows, in strips of the same size
/// for any number of threads.
pub(crate) fn rows_times(a: &[f32], matrix: &[f32], inner: usize, columns: usize) -> Vec<f32> {
    const STRIP: usize = 32;
    let mut product = vec![0.0; a.len() / inner * columns];
    for_each_row(&mut product, STRIP * columns, |strip, product| {
        let rows = Strided::rows(&a[strip * STRIP * inner..], product.len() / columns, inner, inner);
        add_product(rows, Strided::rows(matrix, inner, columns, columns), product);
    });
    product
}
