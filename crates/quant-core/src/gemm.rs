//! The calls into the dense matrix product.

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
