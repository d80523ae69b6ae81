//! Strings of columns, closed to rings.
//!
//! A column's string is a ring: the last windows reach into its first bits. First the junction at a cut is found, by
//! coding the rows around it with free ends; then the rows from cut to cut are coded with both junctions given. One
//! cut is enough. More of them bound the memory of a long column, or let the lanes share a single one: paths
//! forget where they came from, so a cut costs little.

use super::Trellis;
use super::viterbi::{Ends, LANES, Lanes, Target, Viterbi};
use std::ops::Range;

/// Rows before and behind a cut that decide on its junction; a short ring goes round more than once. With 64 a cut
/// costs what two tenths of a percent of the error of 512 rows are, with 32 three times that.
const AROUND: usize = 64;

/// The most rows coded in one go: with the longest window their codes take 17 MB.
const STRETCH: usize = 2048;

/// The fewest rows of a lane that shares a column with others: fewer would save little beside those around the cuts.
const MIN_SHARE: usize = 256;

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
        let ring = Ring { rows, share: rows, target: |row| target(row % rows), next: |lane| lane };
        ring.code(self, &mut found);
    }

    /// Codes a single column, all lanes sharing it: `codes` and `values` (in steps) of each row for targets in steps.
    /// `importance` weighs the squared error of each row.
    #[cfg_attr(not(test), expect(dead_code, reason = "for rounding column by column with Hessians"))]
    pub(super) fn column(
        &mut self,
        targets: &[f32],
        importance: &[f32],
        codes: &mut [u8],
        values: &mut [f32],
    ) {
        let rows = targets.len();
        let lanes = (0..=LANES.ilog2()).rev().map(|n| 1 << n);
        let lanes = lanes.into_iter().find(|n| rows.is_multiple_of(*n) && rows / n >= MIN_SHARE).unwrap_or(1);
        let share = rows / lanes;
        let row_of = |lane: usize, row: usize| (lane % lanes * share + row) % rows;
        let target = |row| {
            let at = |all: &[f32]| std::array::from_fn(|lane| all[row_of(lane, row)]);
            Target::new(at(targets), at(importance))
        };
        let mut all = vec![0; rows];
        let ring = Ring { rows, share, target, next: |lane: usize| (lane + 1) % lanes };
        ring.code(self, &mut |row, windows| {
            for (lane, &window) in windows[..lanes].iter().enumerate() {
                all[row_of(lane, row)] = window;
            }
        });
        for ((window, code), value) in all.into_iter().zip(codes).zip(values) {
            *code = code_of::<T>(window);
            *value = self.viterbi.value(window);
        }
    }
}

/// The bits that a window begins with.
pub(super) fn code_of<T: Trellis>(window: u16) -> u8 {
    window as u8 & ((1 << T::BITS) - 1)
}

/// Columns as lanes see them: a lane codes `share` rows of its column, and goes on where lane `next` began.
struct Ring<R, N> {
    /// Rows of a column.
    rows: usize,
    share: usize,
    /// Targets of a row, counted from each lane's first; may go round.
    target: R,
    next: N,
}

impl<R: Fn(usize) -> Target, N: Fn(usize) -> usize> Ring<R, N> {
    fn code<T: Trellis>(&self, encoder: &mut Encoder<T>, found: &mut impl FnMut(usize, &Lanes<u16>)) {
        let first = self.junctions_at(encoder, 0);
        let stretches = self.share.div_ceil(STRETCH);
        let mut start = first;
        for index in 0..stretches {
            let cut = |index: usize| self.share * index / stretches;
            let rows = cut(index)..cut(index + 1);
            let end = if rows.end == self.share {
                std::array::from_fn(|lane| first[(self.next)(lane)])
            } else {
                self.junctions_at(encoder, rows.end)
            };
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
