//! Strings of columns, closed to rings.
//!
//! A column's string is a ring: the last windows reach into its first bits. First the junction at a cut is found, by
//! coding the rows around it with free ends; then the rows from cut to cut are coded with both junctions given. One
//! cut is enough. More of them bound the memory of a long column: paths forget where they came from, so a cut costs
//! little.

use super::Trellis;
use super::viterbi::{Ends, LANES, Lanes, Target, Viterbi};
use std::ops::Range;

/// Rows before and behind a cut that decide on its junction; a short ring goes round more than once. With 64 a cut
/// costs what two tenths of a percent of the error of 512 rows are, with 32 three times that.
pub(super) const AROUND: usize = 64;

/// The most rows coded in one go: with the longest window their codes take 17 MB.
pub(super) const STRETCH: usize = 2048;

/// Codes columns.
pub(super) struct Encoder<T> {
    viterbi: Viterbi<T>,
    targets: Vec<Target>,
    windows: Vec<Lanes<u16>>,
}

impl<T: Trellis> Encoder<T> {
    pub(super) fn new() -> Self {
        Self { viterbi: Viterbi::new(), targets: Vec::new(), windows: Vec::new() }
    }

    /// Codes a column for each lane: `target` tells a row's targets, `found` gets its windows.
    pub(super) fn columns(
        &mut self,
        rows: usize,
        target: impl Fn(usize) -> Target,
        mut found: impl FnMut(usize, &Lanes<u16>),
    ) {
        let ring = Ring { rows, target: |row| target(row % rows) };
        ring.code(self, &mut found);
    }
}

/// The bits that a window begins with.
pub(super) fn code_of<T: Trellis>(window: u16) -> u8 {
    window as u8 & ((1 << T::BITS) - 1)
}

/// Columns as lanes see them.
struct Ring<R> {
    /// Rows of a column.
    rows: usize,
    /// Targets of a row; may go round.
    target: R,
}

impl<R: Fn(usize) -> Target> Ring<R> {
    fn code<T: Trellis>(&self, encoder: &mut Encoder<T>, found: &mut impl FnMut(usize, &Lanes<u16>)) {
        let first = self.junctions_at(encoder, 0);
        let stretches = self.rows.div_ceil(STRETCH);
        let mut start = first;
        for index in 0..stretches {
            let rows = self.rows * index / stretches..self.rows * (index + 1) / stretches;
            let end = if rows.end == self.rows { first } else { self.junctions_at(encoder, rows.end) };
            self.run(encoder, rows.clone(), Ends { start: Some(&start), end: Some(&end) });
            rows.zip(&encoder.windows).for_each(|(row, windows)| found(row, windows));
            start = end;
        }
    }

    /// The junctions before row `cut` of a path that is free at some distance on both sides.
    fn junctions_at<T: Trellis>(&self, encoder: &mut Encoder<T>, cut: usize) -> Lanes<u16> {
        let cut = cut + AROUND.next_multiple_of(self.rows);
        self.run(encoder, cut - AROUND..cut + AROUND, Ends::default());
        encoder.windows[AROUND].map(Viterbi::<T>::junction_before)
    }

    fn run<T: Trellis>(&self, encoder: &mut Encoder<T>, rows: Range<usize>, ends: Ends<'_>) {
        encoder.windows.resize(rows.len(), [0; LANES]);
        encoder.targets.clear();
        encoder.targets.extend(rows.map(&self.target));
        encoder.viterbi.run(&encoder.targets, ends, &mut encoder.windows);
    }
}
