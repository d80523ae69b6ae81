//! A unit of rows times many tokens: a block is unpacked once for all of them.

use super::super::{Trellis, layout::Packed};
use super::strip::{GROUP_ROWS, PASS, RunBlock, UNIT_ROWS};
use super::{Units, offset_of};
use crate::activations::{ActivationBlock, STRIPS, blocks};
use crate::isa::{Isa, Kernel, STRIP};

/// Tokens whose activations of a block and sums stay in the first-level cache.
const TOKEN_TILE: usize = 32;

/// `y[i][t] = row i · x[t]` for the rows of one unit.
pub(super) struct UnitsTimesTokens<'a, T> {
    pub(super) units: Units<'a, T>,
    /// The blocks of each token.
    pub(super) x: &'a [ActivationBlock],
    /// rows × tokens.
    pub(super) y: &'a mut [f32],
}

/// Sums of a pass over rows.
type Totals<I> = [[<I as Isa>::Floats; PASS]; TOKEN_TILE];

/// The codes of a pass in a block.
type Codes<I> = [[<I as Isa>::Bytes; PASS]; STRIPS];

impl<T: Trellis> Kernel for UnitsTimesTokens<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let (matrix, unit) = self.units.get(0);
        let per_token = blocks(matrix.columns());
        let tokens = self.y.len() / UNIT_ROWS;
        for (tile, x) in self.x.chunks(TOKEN_TILE * per_token).enumerate() {
            let mut totals: [Totals<I>; 2] = [[[isa.zero(); PASS]; TOKEN_TILE]; 2];
            for block in 0..per_token {
                let count = (matrix.columns() / STRIP - block * STRIPS).min(STRIPS);
                // not a loop: the compiler shall know the rows
                let codes = unpack::<T, I>(isa, &matrix, unit, 0, block, count);
                add_block(isa, &codes, count, x.iter().skip(block).step_by(per_token), &mut totals[0]);
                let codes = unpack::<T, I>(isa, &matrix, unit, PASS, block, count);
                add_block(isa, &codes, count, x.iter().skip(block).step_by(per_token), &mut totals[1]);
            }
            for (token, x) in x.chunks_exact(per_token).enumerate() {
                let offset = offset_of::<T>(x);
                for row in 0..GROUP_ROWS {
                    let sums = isa.total(totals[row / PASS][token][row % PASS]);
                    for (row, sum) in [row, GROUP_ROWS + row].into_iter().zip(sums) {
                        let y = &mut self.y[row * tokens + tile * TOKEN_TILE + token];
                        *y = matrix.scale(unit + row) * (sum - offset);
                    }
                }
            }
        }
    }
}

/// The codes of [`PASS`] rows from `first` on of both groups.
#[inline(always)]
fn unpack<T: Trellis, I: Isa>(
    isa: I,
    matrix: &Packed<'_, T>,
    unit: usize,
    first: usize,
    index: usize,
    count: usize,
) -> Codes<I> {
    let block = RunBlock::new(matrix, unit, first, index, count);
    let mut codes = [[isa.bytes([&[0; STRIP]; 2]); PASS]; STRIPS];
    for (k, codes) in codes[..count].iter_mut().enumerate() {
        *codes = block.strip::<T, I>(isa, first, k).codes::<T>(isa, first);
    }
    codes
}

/// Adds the products of a block's first `count` strips with each token.
#[inline(always)]
fn add_block<'a, I: Isa>(
    isa: I,
    codes: &Codes<I>,
    count: usize,
    x: impl Iterator<Item = &'a ActivationBlock>,
    totals: &mut Totals<I>,
) {
    let ones = isa.floats([1.0; 2]);
    for (x, totals) in x.zip(totals) {
        let mut sums = [isa.start(0); PASS];
        for k in 0..count {
            let by = isa.splat(x.pairs[k]);
            for row in 0..PASS {
                sums[row] = isa.dot(sums[row], codes[k][row], by, &x.codes[k]);
            }
        }
        for row in 0..PASS {
            totals[row] = isa.add_scaled(totals[row], sums[row], ones, x.scale);
        }
    }
}
