//! A tile of rows times many tokens where a set can take four products at once: tokens lie in lanes, codes of a row are
//! broadcast, so nothing is added across lanes and 32-bit sums become floats once per 32 columns of 16 tokens.

use super::{BlockKernel, MAX_BYTES, full_block, pair_of, strips_in};
use crate::activations::{ActivationBlock, BLOCK, STRIPS, TokenPanel, blocks};
use crate::isa::{PANEL_ROWS, PANEL_TOKENS, PanelIsa, PanelKernel, PanelSums, STRIP};
use crate::parallel::for_each_row;
use std::marker::PhantomData;

/// A block of 256 weights of a row, unpacked: w = scale · code + offset. How many columns share a scale or an offset,
/// [`Spans`] say.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct PanelRow {
    pub(crate) codes: [u8; BLOCK],
    pub(crate) scales: [f32; 2 * STRIPS],
    pub(crate) offsets: [f32; 2 * STRIPS],
}

/// Neighbouring columns that share a scale, and those that share an offset: [`HALF`](Self::HALF),
/// [`STRIP`](Self::STRIP) or [`BLOCK`](Self::BLOCK).
#[derive(Clone, Copy)]
pub(crate) struct Spans {
    pub(crate) scales: usize,
    pub(crate) offsets: usize,
}

impl Spans {
    pub(crate) const HALF: usize = STRIP / 2;
    pub(crate) const STRIP: usize = STRIP;
    pub(crate) const BLOCK: usize = BLOCK;

    /// The same for both.
    pub(crate) const fn both(columns: usize) -> Self {
        Self { scales: columns, offsets: columns }
    }
}

impl PanelRow {
    const ZERO: Self = Self { codes: [0; BLOCK], scales: [0.0; 2 * STRIPS], offsets: [0.0; 2 * STRIPS] };

    /// The place of strip `k`.
    #[inline(always)]
    pub(crate) fn strip(&mut self, k: usize) -> &mut [u8; 32] {
        (&mut self.codes[32 * k..][..32]).try_into().expect("32 of 256")
    }
}

/// Packed rows, as prefill with panels sees them.
pub(crate) trait PanelRows {
    /// Rows that are unpacked together: [`PANEL_ROWS`] or twice as many.
    const UNIT: usize;

    /// Columns that share a scale or an offset.
    const SPANS: Spans;

    /// Unpacks the `index`th block of [`Self::UNIT`] rows from `first` on, or of as many as there are.
    fn unpack<I: PanelIsa>(&self, isa: I, first: usize, index: usize, out: &mut [PanelRow]);
}

/// Rows of a task: their unpacked blocks and sums stay near while the tokens pass.
pub(crate) const PANEL_TILE: usize = 4 * PANEL_ROWS;
/// Panels that pass before the rows are unpacked again.
const PANELS_PER_TILE: usize = 16;
const TOKEN_TILE: usize = PANELS_PER_TILE * PANEL_TOKENS;
/// The most groups of [`PANEL_ROWS`] rows that are unpacked together.
const MOST_GROUPS: usize = 2;

/// `y[i][t] = row i · x[t]` for at most [`PANEL_TILE`] rows.
pub(crate) struct TileTimesPanels<'a, R> {
    pub(crate) rows: R,
    /// Weights in a row.
    pub(crate) row_len: usize,
    /// Panels of 16 tokens: the blocks of the first 16 tokens, then of the next.
    pub(crate) x: &'a [TokenPanel],
    /// rows × tokens.
    pub(crate) y: &'a mut [f32],
    pub(crate) tokens: usize,
}

impl<R: PanelRows> PanelKernel for TileTimesPanels<'_, R> {
    #[inline(always)]
    fn run<I: PanelIsa>(self, isa: I) {
        const { assert!(R::UNIT == PANEL_ROWS || R::UNIT == MOST_GROUPS * PANEL_ROWS) };
        let per_token = blocks(self.row_len);
        let mut unpacked = [PanelRow::ZERO; MOST_GROUPS * PANEL_ROWS];
        let unpacked = &mut unpacked[..R::UNIT];
        for (unit, y) in self.y.chunks_mut(R::UNIT * self.tokens).enumerate() {
            for (tile, x) in self.x.chunks(PANELS_PER_TILE * per_token).enumerate() {
                let mut sums = [[[[0.0; PANEL_TOKENS]; PANEL_ROWS]; PANELS_PER_TILE]; MOST_GROUPS];
                let panels = x.len() / per_token;
                for index in 0..per_token {
                    self.rows.unpack(isa, unit * R::UNIT, index, unpacked);
                    // Panels of a block lie together: see `fill_panels`.
                    let x = &x[index * panels..][..panels];
                    for (rows, sums) in unpacked.as_chunks().0.iter().zip(&mut sums) {
                        add_block::<R, I>(isa, rows, x, &mut sums[..panels]);
                    }
                }
                for (sums, y) in sums.iter().zip(y.chunks_mut(PANEL_ROWS * self.tokens)) {
                    write(&sums[..panels], tile * TOKEN_TILE, self.tokens, y);
                }
            }
        }
    }
}

/// Rows of a format with a [`BlockKernel`].
pub(crate) struct BlockRows<'a, K> {
    pub(crate) bytes: &'a [u8],
    /// Bytes of a row.
    pub(crate) stride: usize,
    /// Weights in a row.
    pub(crate) row_len: usize,
    pub(crate) kernel: PhantomData<K>,
}

impl<K: BlockKernel> PanelRows for BlockRows<'_, K> {
    const UNIT: usize = PANEL_ROWS;
    const SPANS: Spans = K::SPANS;

    #[inline(always)]
    fn unpack<I: PanelIsa>(&self, isa: I, first: usize, index: usize, out: &mut [PanelRow]) {
        let count = strips_in(self.row_len, index);
        let rows = &self.bytes[first * self.stride..];
        for (pair, out) in out.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            if 2 * pair * self.stride >= rows.len() {
                break;
            }
            let mut room = [[0; MAX_BYTES]; 2];
            let bytes = full_block::<K>(pair_of(rows, self.stride, 2 * pair), index, &mut room);
            let block = K::load(isa, bytes);
            K::unpack_rows(isa, &block, count, out);
        }
    }
}

/// Adds the products of unpacked rows with their block of all panels.
#[inline(always)]
fn add_block<R: PanelRows, I: PanelIsa>(
    isa: I,
    rows: &[PanelRow; PANEL_ROWS],
    x: &[TokenPanel],
    sums: &mut [PanelSums],
) {
    for (x, sums) in x.chunks(2).zip(sums.chunks_mut(2)) {
        match (R::SPANS.scales, R::SPANS.offsets) {
            (BLOCK, BLOCK) => isa.add_panels::<BLOCK, BLOCK>(rows, x, sums),
            (BLOCK, Spans::HALF) => isa.add_panels::<BLOCK, { Spans::HALF }>(rows, x, sums),
            (STRIP, STRIP) => isa.add_panels::<STRIP, STRIP>(rows, x, sums),
            (Spans::HALF, Spans::HALF) => isa.add_panels::<{ Spans::HALF }, { Spans::HALF }>(rows, x, sums),
            _ => unreachable!("no format has these spans"),
        }
    }
}

/// Sums to their places in rows × tokens.
fn write(sums: &[PanelSums], first: usize, tokens: usize, y: &mut [f32]) {
    for (row, y) in y.chunks_exact_mut(tokens).enumerate() {
        for (sums, y) in sums.iter().zip(y[first..].chunks_mut(PANEL_TOKENS)) {
            y.copy_from_slice(&sums[row][..y.len()]);
        }
    }
}

/// Puts quantized tokens into panels: tiles of tokens as [`TileTimesPanels`] takes them, and in a tile block after
/// block, the panels of a block together.
pub(crate) fn fill_panels(x: &[ActivationBlock], per_token: usize, out: &mut [TokenPanel]) {
    let all = out.len() / per_token;
    for_each_row(out, PANELS_PER_TILE, |chunk, out| {
        for (place, panel) in out.iter_mut().enumerate() {
            let place = chunk * PANELS_PER_TILE + place;
            let (tile, place) =
                (place / (PANELS_PER_TILE * per_token), place % (PANELS_PER_TILE * per_token));
            let in_tile = PANELS_PER_TILE.min(all - tile * PANELS_PER_TILE);
            let (index, panel_index) = (place / in_tile, tile * PANELS_PER_TILE + place % in_tile);
            let tokens = x.chunks(PANEL_TOKENS * per_token).nth(panel_index).unwrap_or_default();
            panel.fill(tokens, per_token, index);
        }
    });
}
