//! A tile of rows times many tokens: a block is unpacked once for all of them.

use super::{BlockKernel, MAX_BYTES, Unpacked, block_of, pair_of, strips_in};
use crate::activations::{ActivationBlock, STRIPS, blocks};
use crate::isa::{Isa, Kernel};
use std::marker::PhantomData;

/// Rows of a tile: the sums of a tile of tokens stay in the first-level cache, or nearly so.
pub(crate) const ROW_TILE: usize = 16;
/// Tokens whose activations of a block (384 bytes each) stay in the first-level cache while the rows pass.
const TOKEN_TILE: usize = 32;

/// `y[i][t] = row i · x[t]` for at most [`ROW_TILE`] rows.
pub(crate) struct TileTimesTokens<'a, K> {
    /// The packed rows.
    pub(crate) rows: &'a [u8],
    /// Weights in a row.
    pub(crate) row_len: usize,
    /// The blocks of each token.
    pub(crate) x: &'a [ActivationBlock],
    /// rows × tokens.
    pub(crate) y: &'a mut [f32],
    pub(crate) kernel: PhantomData<K>,
}

impl<K: BlockKernel> Kernel for TileTimesTokens<'_, K> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let per_token = blocks(self.row_len);
        let tokens = self.x.len() / per_token;
        let row_count = self.y.len() / tokens;
        let stride = self.rows.len() / row_count;
        for first in (0..tokens).step_by(TOKEN_TILE) {
            let count = TOKEN_TILE.min(tokens - first);
            let x = &self.x[first * per_token..(first + count) * per_token];
            let mut totals = [[isa.zero(); TOKEN_TILE]; ROW_TILE / 2];
            for index in 0..per_token {
                for (pair, totals) in totals[..row_count.div_ceil(2)].iter_mut().enumerate() {
                    let rows = pair_of(self.rows, stride, 2 * pair);
                    let x = x[index..].iter().step_by(per_token);
                    add_block::<K, I>(isa, rows, self.row_len, index, x, totals);
                }
            }
            for (pair, totals) in totals[..row_count.div_ceil(2)].iter().enumerate() {
                for (token, total) in totals[..count].iter().enumerate() {
                    for (row, sum) in isa.total(*total).into_iter().enumerate().take(row_count - 2 * pair) {
                        self.y[(2 * pair + row) * tokens + first + token] = sum;
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn add_block<'a, K: BlockKernel, I: Isa>(
    isa: I,
    rows: [&[u8]; 2],
    row_len: usize,
    index: usize,
    x: impl Iterator<Item = &'a ActivationBlock>,
    totals: &mut [I::Floats; TOKEN_TILE],
) {
    let (bytes, is_short) = block_of::<K>(rows, index);
    let mut full = [[0; MAX_BYTES]; 2];
    let bytes = if is_short {
        K::lengthen(bytes[0], &mut full[0][..K::BYTES]);
        K::lengthen(bytes[1], &mut full[1][..K::BYTES]);
        [&full[0][..K::BYTES], &full[1][..K::BYTES]]
    } else {
        bytes
    };
    let block = K::load(isa, bytes);
    let count = strips_in(row_len, index);
    let mut strips = [K::strip(isa, &block, 0); STRIPS];
    for k in 1..STRIPS {
        if k < count {
            strips[k] = K::strip(isa, &block, k);
        }
    }
    if count == STRIPS {
        for (x, total) in x.zip(totals) {
            *total = K::accumulate(isa, &block, Unpacked(&strips), STRIPS, x, *total);
        }
    } else {
        for (x, total) in x.zip(totals) {
            *total = K::accumulate(isa, &block, Unpacked(&strips), count, x, *total);
        }
    }
}
