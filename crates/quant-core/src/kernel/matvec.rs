//! Some rows times one token.

use super::{BlockKernel, Lazy, block_of, pair_of, strips_in};
use crate::activations::{ActivationBlock, STRIPS};
use crate::isa::{Isa, Kernel, prefetch_ahead};
use std::marker::PhantomData;

/// `y[i] = row i · x`.
pub(crate) struct RowsTimesVector<'a, K> {
    /// The packed rows, as many as `y` is long.
    pub(crate) rows: &'a [u8],
    /// Weights in a row.
    pub(crate) row_len: usize,
    pub(crate) x: &'a [ActivationBlock],
    pub(crate) y: &'a mut [f32],
    pub(crate) kernel: PhantomData<K>,
}

impl<K: BlockKernel> Kernel for RowsTimesVector<'_, K> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let stride = self.rows.len() / self.y.len();
        for (index, y) in self.y.chunks_mut(2).enumerate() {
            let rows = pair_of(self.rows, stride, 2 * index);
            let mut total = isa.zero();
            for (b, x) in self.x.iter().enumerate() {
                total = add_block::<K, I>(isa, rows, self.row_len, b, x, total);
            }
            let sums = isa.total(total);
            y.copy_from_slice(&sums[..y.len()]);
        }
    }
}

#[inline(always)]
fn add_block<K: BlockKernel, I: Isa>(
    isa: I,
    rows: [&[u8]; 2],
    row_len: usize,
    index: usize,
    x: &ActivationBlock,
    total: I::Floats,
) -> I::Floats {
    let (bytes, is_short) = block_of::<K>(rows, index);
    let count = strips_in(row_len, index);
    if is_short {
        return K::accumulate_short(isa, bytes, count, x, total);
    }
    // The two rows follow each other.
    prefetch_ahead(rows[0], 2 * index * K::BYTES, 2 * K::BYTES);
    let block = K::load(isa, bytes);
    let count = if bytes[0].len() == K::BYTES { STRIPS } else { count };
    K::accumulate(isa, &block, &Lazy::<K, I>(&block), count, x, total)
}
