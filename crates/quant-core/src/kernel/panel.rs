//! A tile of rows times many tokens where a set can take four products at once: tokens lie in lanes, codes of a row are
//! broadcast, so nothing is added across lanes and 32-bit sums become floats once per 32 columns of 16 tokens.

use super::{BlockKernel, MAX_BYTES, full_block, pair_of, strips_in};
use crate::activations::{ActivationBlock, BLOCK, STRIPS, TokenPanel, blocks};
use crate::isa::{PANEL_ROWS, PANEL_TOKENS, PanelIsa, PanelKernel, PanelSums};
use crate::parallel::for_each_row;
use std::marker::PhantomData;

/// A block of 256 weights of a row, unpacked: w = scale · code + offset.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct PanelRow {
    pub(crate) codes: [u8; BLOCK],
    /// Of each 16 columns, or the first of all.
    pub(crate) scales: [f32; 2 * STRIPS],
    /// Of each 16 columns, or the first of all.
    pub(crate) offsets: [f32; 2 * STRIPS],
}

impl PanelRow {
    const ZERO: Self = Self { codes: [0; BLOCK], scales: [0.0; 2 * STRIPS], offsets: [0.0; 2 * STRIPS] };

    /// The place of strip `k`.
    #[inline(always)]
    pub(crate) fn strip(&mut self, k: usize) -> &mut [u8; 32] {
        (&mut self.codes[32 * k..][..32]).try_into().expect("32 of 256")
    }
}

/// Rows of a task: their unpacked blocks and sums stay near while the tokens pass.
pub(crate) const PANEL_TILE: usize = 4 * PANEL_ROWS;
/// Tokens that pass before the rows are unpacked again.
const TOKEN_TILE: usize = 8 * PANEL_TOKENS;

/// `y[i][t] = row i · x[t]` for at most [`PANEL_TILE`] rows.
pub(crate) struct TileTimesPanels<'a, K> {
    /// The packed rows.
    pub(crate) rows: &'a [u8],
    /// Weights in a row.
    pub(crate) row_len: usize,
    /// Panels of 16 tokens: the blocks of the first 16 tokens, then of the next.
    pub(crate) x: &'a [TokenPanel],
    /// rows × tokens.
    pub(crate) y: &'a mut [f32],
    pub(crate) tokens: usize,
    pub(crate) kernel: PhantomData<K>,
}

impl<K: BlockKernel> PanelKernel for TileTimesPanels<'_, K> {
    #[inline(always)]
    fn run<I: PanelIsa>(self, isa: I) {
        let per_token = blocks(self.row_len);
        let stride = self.rows.len() / (self.y.len() / self.tokens);
        let rows = self.rows.chunks(PANEL_ROWS * stride);
        for (rows, y) in rows.zip(self.y.chunks_mut(PANEL_ROWS * self.tokens)) {
            for (tile, x) in self.x.chunks(TOKEN_TILE / PANEL_TOKENS * per_token).enumerate() {
                let mut sums = [[[0.0; PANEL_TOKENS]; PANEL_ROWS]; TOKEN_TILE / PANEL_TOKENS];
                let sums = &mut sums[..x.len() / per_token];
                for index in 0..per_token {
                    let mut unpacked = [PanelRow::ZERO; PANEL_ROWS];
                    unpack::<K, I>(isa, rows, stride, self.row_len, index, &mut unpacked);
                    add_block::<K, I>(isa, &unpacked, x, per_token, index, sums);
                }
                write(sums, tile * TOKEN_TILE, self.tokens, y);
            }
        }
    }
}

/// Unpacks the `index`th block of up to [`PANEL_ROWS`] rows.
#[inline(always)]
fn unpack<K: BlockKernel, I: PanelIsa>(
    isa: I,
    rows: &[u8],
    stride: usize,
    row_len: usize,
    index: usize,
    out: &mut [PanelRow; PANEL_ROWS],
) {
    let count = strips_in(row_len, index);
    for (pair, out) in out.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        if 2 * pair * stride >= rows.len() {
            break;
        }
        let mut room = [[0; MAX_BYTES]; 2];
        let bytes = full_block::<K>(pair_of(rows, stride, 2 * pair), index, &mut room);
        let block = K::load(isa, bytes);
        K::unpack_rows(isa, &block, count, out);
    }
}

/// Adds the products of unpacked rows with the `index`th block of all panels.
#[inline(always)]
fn add_block<K: BlockKernel, I: PanelIsa>(
    isa: I,
    rows: &[PanelRow; PANEL_ROWS],
    x: &[TokenPanel],
    per_token: usize,
    index: usize,
    sums: &mut [PanelSums],
) {
    // Panels of a block lie together: see `fill_panels`.
    let panels = x.len() / per_token;
    let x = &x[index * panels..][..panels];
    for (x, sums) in x.chunks(2).zip(sums.chunks_mut(2)) {
        if K::SCALE_PER_HALF {
            isa.add_panels::<true>(rows, x, sums);
        } else {
            isa.add_panels::<false>(rows, x, sums);
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
    const PER_TILE: usize = TOKEN_TILE / PANEL_TOKENS;
    let all = out.len() / per_token;
    for_each_row(out, PER_TILE, |chunk, out| {
        for (place, panel) in out.iter_mut().enumerate() {
            let place = chunk * PER_TILE + place;
            let (tile, place) = (place / (PER_TILE * per_token), place % (PER_TILE * per_token));
            let in_tile = PER_TILE.min(all - tile * PER_TILE);
            let (index, panel_index) = (place / in_tile, tile * PER_TILE + place % in_tile);
            let tokens = x.chunks(PANEL_TOKENS * per_token).nth(panel_index).unwrap_or_default();
            panel.fill(tokens, per_token, index);
        }
    });
}
