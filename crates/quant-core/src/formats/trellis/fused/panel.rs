//! Rows for prefill with tokens in lanes.

use super::super::Trellis;
use super::Units;
use super::strip::{GROUP_ROWS, PASS, RunBlock, UNIT_ROWS};
use crate::activations::STRIPS;
use crate::isa::{PanelIsa, STRIP};
use crate::kernel::{PanelRow, PanelRows, Spans};

impl<T: Trellis> PanelRows for Units<'_, T> {
    const UNIT: usize = UNIT_ROWS;
    const SPANS: Spans = Spans::both(Spans::BLOCK);

    #[inline(always)]
    fn unpack<I: PanelIsa>(&self, isa: I, first: usize, index: usize, out: &mut [PanelRow]) {
        let (matrix, unit) = self.get(first / UNIT_ROWS);
        let count = (matrix.columns() / STRIP - index * STRIPS).min(STRIPS);
        // not a loop: the compiler shall know the rows
        let block = RunBlock::new(&matrix, unit, 0, index, count);
        unpack_pass::<T, I>(isa, &block, 0, count, out);
        let block = RunBlock::new(&matrix, unit, PASS, index, count);
        unpack_pass::<T, I>(isa, &block, PASS, count, out);
        for (row, out) in out.iter_mut().enumerate() {
            let scale = matrix.scale(unit + row);
            out.scales[0] = scale;
            out.offsets[0] = -scale * T::OFFSET;
        }
    }
}

/// The codes of [`PASS`] rows from `first` on of both groups.
#[inline(always)]
fn unpack_pass<T: Trellis, I: PanelIsa>(
    isa: I,
    block: &RunBlock<'_>,
    first: usize,
    count: usize,
    out: &mut [PanelRow],
) {
    let (low, high) = out.split_at_mut(GROUP_ROWS);
    for k in 0..count {
        let codes = block.strip::<T, I>(isa, first, k).codes::<T>(isa, first);
        for (row, codes) in codes.into_iter().enumerate() {
            isa.store(codes, [low[first + row].strip(k), high[first + row].strip(k)]);
        }
    }
}
