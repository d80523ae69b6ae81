//! Loops over rows, on all cores with feature `parallel`.

/// Calls `work(index, row)` for each `row_len` long piece of `data`.
#[cfg(feature = "parallel")]
pub(crate) fn for_each_row<T: Send>(
    data: &mut [T],
    row_len: usize,
    work: impl Fn(usize, &mut [T]) + Send + Sync,
) {
    use rayon::prelude::*;
    data.par_chunks_mut(row_len).enumerate().for_each(|(i, row)| work(i, row));
}

/// Calls `work(index, row)` for each `row_len` long piece of `data`.
#[cfg(not(feature = "parallel"))]
pub(crate) fn for_each_row<T: Send>(
    data: &mut [T],
    row_len: usize,
    work: impl Fn(usize, &mut [T]) + Send + Sync,
) {
    data.chunks_mut(row_len).enumerate().for_each(|(i, row)| work(i, row));
}
