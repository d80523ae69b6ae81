//! Some rows times one token.

use super::super::{Trellis, layout::Packed};
use super::strip::{GROUP_ROWS, PASS, RunBlock, UNIT_ROWS};
use super::{Units, offset_of};
use crate::activations::{ActivationBlock, STRIPS};
use crate::isa::{Isa, Kernel, STRIP};

/// `y[i] = row i · x`.
pub(super) struct UnitsTimesVector<'a, T> {
    pub(super) units: Units<'a, T>,
    pub(super) x: &'a [ActivationBlock],
    /// As long as there are rows: whole units.
    pub(super) y: &'a mut [f32],
}

impl<T: Trellis> Kernel for UnitsTimesVector<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let offset = offset_of::<T>(self.x);
        for (index, y) in self.y.chunks_exact_mut(UNIT_ROWS).enumerate() {
            let (matrix, unit) = self.units.get(index);
            let mut totals = [[isa.zero(); PASS]; 2];
            for (b, x) in self.x.iter().enumerate() {
                // not a loop: the compiler shall know the rows
                add_block::<T, I>(isa, &matrix, unit, 0, b, x, &mut totals[0]);
                add_block::<T, I>(isa, &matrix, unit, PASS, b, x, &mut totals[1]);
            }
            for (row, total) in totals.as_flattened().iter().enumerate() {
                let sums = isa.total(*total);
                y[row] = matrix.scale(unit + row) * (sums[0] - offset);
                y[GROUP_ROWS + row] = matrix.scale(unit + GROUP_ROWS + row) * (sums[1] - offset);
            }
        }
    }
}

/// Adds the products of the `index`th block of [`PASS`] rows from `first` on of both groups.
#[inline(always)]
fn add_block<T: Trellis, I: Isa>(
    isa: I,
    matrix: &Packed<'_, T>,
    unit: usize,
    first: usize,
    index: usize,
    x: &ActivationBlock,
    totals: &mut [I::Floats; PASS],
) {
    let count = (matrix.columns() / STRIP - index * STRIPS).min(STRIPS);
    let ones = isa.floats([1.0; 2]);
    let block = RunBlock::new(matrix, unit, first, index, count);
    block.prefetch::<T>(2 * T::BITS * matrix.columns());
    let mut sums = [isa.start(0); PASS];
    for k in 0..count {
        let codes = block.strip::<T, I>(isa, first, k).codes::<T>(isa, first);
        let by = isa.splat(x.pairs[k]);
        for row in 0..PASS {
            sums[row] = isa.dot(sums[row], codes[row], by, &x.codes[k]);
        }
    }
    for row in 0..PASS {
        totals[row] = isa.add_scaled(totals[row], sums[row], ones, x.scale);
    }
}
