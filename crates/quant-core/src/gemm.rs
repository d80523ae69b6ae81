//! The one call into the dense matrix product.

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
