//! A tile of rows times many tokens: a block is unpacked once for all of them.

use super::{BlockKernel, MAX_BYTES, Unpacked, full_block, pair_of, strips_in};
use crate::activations::{ActivationBlock, STRIPS, blocks};
use crate::isa::{Isa, Kernel};
use std::marker::PhantomData;

/// Rows of a tile: the sums of a tile of tokens stay in the first-level cache, or nearly so.
pub(crate) const ROW_TILE: usize = 16;
/// Tokens whose activations of a block (half a kilobyte each) stay in the first-level cache while the rows pass.
const TOKEN_TILE: usize = 32;
/// Pairs of rows that share the loads of activations.
const PAIRS: usize = 2;
/// Rows that are multiplied together.
const ROWS: usize = 2 * PAIRS;

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

/// Sums of [`PAIRS`] pairs of rows with a tile of tokens.
type Totals<I> = [[<I as Isa>::Floats; PAIRS]; TOKEN_TILE];

impl<K: BlockKernel> Kernel for TileTimesTokens<'_, K> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let per_token = blocks(self.row_len);
        let tokens = self.x.len() / per_token;
        let stride = self.rows.len() / (self.y.len() / tokens);
        for (index, x) in self.x.chunks(TOKEN_TILE * per_token).enumerate() {
            let mut totals: [Totals<I>; ROW_TILE / ROWS] =
                [[[isa.zero(); PAIRS]; TOKEN_TILE]; ROW_TILE / ROWS];
            for block in 0..per_token {
                for (rows, totals) in self.rows.chunks(ROWS * stride).zip(&mut totals) {
                    add_block::<K, I>(isa, (rows, stride), self.row_len, block, x, totals);
                }
            }
            let count = x.len() / per_token;
            for (totals, y) in totals.iter().zip(self.y.chunks_mut(ROWS * tokens)) {
                for (token, totals) in totals[..count].iter().enumerate() {
                    for pair in 0..PAIRS {
                        let sums = isa.total(totals[pair]);
                        for (y, sum) in y.chunks_exact_mut(tokens).skip(2 * pair).zip(sums) {
                            y[index * TOKEN_TILE + token] = sum;
                        }
                    }
                }
            }
        }
    }
}

/// Adds the products of the `index`th block of [`ROWS`] rows, or of fewer.
#[inline(always)]
fn add_block<K: BlockKernel, I: Isa>(
    isa: I,
    (rows, stride): (&[u8], usize),
    row_len: usize,
    index: usize,
    x: &[ActivationBlock],
    totals: &mut Totals<I>,
) {
    let mut room = [[[0; MAX_BYTES]; 2]; PAIRS];
    let [first_room, second_room] = &mut room;
    let last = rows.len() / stride - 1;
    let first = full_block::<K>(pair_of(rows, stride, 0), index, first_room);
    let second = full_block::<K>(pair_of(rows, stride, last.min(2)), index, second_room);
    let (first, second) = (K::load(isa, first), K::load(isa, second));
    let count = strips_in(row_len, index);
    let first_strips = Unpacked::new::<K>(isa, &first, count);
    let second_strips = Unpacked::new::<K>(isa, &second, count);
    let x = x.chunks_exact(blocks(row_len)).map(|token| &token[index]);
    // A count that the compiler knows, where it can be.
    if count == STRIPS {
        for (x, totals) in x.zip(totals) {
            let first = K::accumulate(isa, &first, &first_strips, STRIPS, x, totals[0]);
            let second = K::accumulate(isa, &second, &second_strips, STRIPS, x, totals[1]);
            *totals = [first, second];
        }
    } else {
        for (x, totals) in x.zip(totals) {
            let first = K::accumulate(isa, &first, &first_strips, count, x, totals[0]);
            let second = K::accumulate(isa, &second, &second_strips, count, x, totals[1]);
            *totals = [first, second];
        }
    }
}
