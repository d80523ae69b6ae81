//! Codes of 32 columns of 16 rows.

use super::super::layout::Packed;
use super::super::{COLUMNS, Trellis};
use crate::activations::STRIPS;
use crate::isa::{Isa, STRIP, prefetch};

/// Rows that begin on a whole byte, whatever k is: they are k runs.
pub(super) const GROUP_ROWS: usize = 8;
/// Rows of two groups: what is multiplied together.
pub(super) const UNIT_ROWS: usize = 2 * GROUP_ROWS;
/// Rows of each group that are multiplied in one go: their sums and what they share fit in 16 registers.
pub(super) const PASS: usize = GROUP_ROWS / 2;
/// Runs that the rows of a pass reach into at most.
const MAX_RUNS: usize = 5;

const _: () = assert!(COLUMNS == STRIP);

/// Runs that [`PASS`] rows from `first` on reach into, from the byte on that `first` begins in.
const fn runs<T: Trellis>(first: usize) -> usize {
    (first * T::BITS % 8 + (PASS - 1) * T::BITS + T::WINDOW).div_ceil(8)
}

/// 256 columns of the runs of [`PASS`] rows of two groups, or fewer columns.
pub(super) struct RunBlock<'a> {
    runs: [[&'a [[u8; STRIP]]; 2]; MAX_RUNS],
}

impl<'a> RunBlock<'a> {
    /// Rows from `first` on in the groups that begin in row `unit`: `count` strips of the `index`th block.
    #[inline(always)]
    pub(super) fn new<T: Trellis>(
        matrix: &Packed<'a, T>,
        unit: usize,
        first: usize,
        index: usize,
        count: usize,
    ) -> Self {
        let mut block = Self { runs: [[&[]; 2]; MAX_RUNS] };
        for group in 0..2 {
            let byte = ((unit + group * GROUP_ROWS + first) * T::BITS) / 8;
            for run in 0..runs::<T>(first) {
                let strips = matrix.run(byte + run).as_chunks().0;
                block.runs[run][group] = &strips[index * STRIPS..][..count];
            }
        }
        block
    }

    /// Asks for the same columns of the next unit, `distance` bytes on.
    #[inline(always)]
    pub(super) fn prefetch<T: Trellis>(&self, distance: usize) {
        for runs in &self.runs[..PASS * T::BITS / 8] {
            for run in runs {
                prefetch(run.as_flattened(), distance, run.as_flattened().len());
            }
        }
    }

    /// Loads strip `k`.
    #[inline(always)]
    pub(super) fn strip<T: Trellis, I: Isa>(&self, isa: I, first: usize, k: usize) -> RunStrip<I> {
        let mut runs = [isa.bytes([&self.runs[0][0][k], &self.runs[0][1][k]]); MAX_RUNS];
        for run in 1..self::runs::<T>(first) {
            runs[run] = isa.bytes([&self.runs[run][0][k], &self.runs[run][1][k]]);
        }
        RunStrip { runs }
    }
}

/// 32 columns of these runs.
pub(super) struct RunStrip<I: Isa> {
    runs: [I::Bytes; MAX_RUNS],
}

impl<I: Isa> RunStrip<I> {
    /// The codes of each row from `first` on.
    #[inline(always)]
    pub(super) fn codes<T: Trellis>(&self, isa: I, first: usize) -> [I::Bytes; PASS] {
        let bit = first * T::BITS % 8;
        // Not a loop: the compiler shall know every shift.
        [
            self.row::<T>(isa, bit),
            self.row::<T>(isa, bit + T::BITS),
            self.row::<T>(isa, bit + 2 * T::BITS),
            self.row::<T>(isa, bit + 3 * T::BITS),
        ]
    }

    /// The codes of the row that begins at `bit`: sums of table entries.
    #[inline(always)]
    fn row<T: Trellis>(&self, isa: I, bit: usize) -> I::Bytes {
        let mut codes = isa.lookup(self.four_bits(isa, bit + T::TABLES[0].shift), &T::TABLES[0].entries);
        for table in &T::TABLES[1..] {
            codes = isa.add(codes, isa.lookup(self.four_bits(isa, bit + table.shift), &table.entries));
        }
        codes
    }

    /// Four bits from bit `at` on.
    #[inline(always)]
    fn four_bits(&self, isa: I, at: usize) -> I::Bytes {
        let (run, shift) = (at / 8, at as u32 % 8);
        let low = isa.shr(self.runs[run], shift);
        if shift <= 4 {
            return isa.mask(low, 15);
        }
        let high = isa.shl(self.runs[run + 1], 8 - shift);
        let mask = 15 >> (shift - 4);
        isa.or(isa.mask(low, mask), isa.mask(high, 15 & !mask))
    }
}
