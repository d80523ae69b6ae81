//! Products with packed weights on 8-bit activations: one body for all formats and instruction sets.
//!
//! Weights are taken two rows and 256 columns at a time. A format says how such a block is loaded, how a strip of 32
//! codes is had from it, and how products with codes become sums ([`BlockKernel`]); three families of formats say it
//! once each ([`one_scale`], [`sub_scales`], [`small_blocks`]).

mod matmul;
mod matvec;
pub(crate) mod one_scale;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "sets with panels are of x86-64 so far"))]
mod panel;
pub(crate) mod short;
pub(crate) mod small_blocks;
pub(crate) mod sub_scales;

pub(crate) use matmul::{ROW_TILE, TileTimesTokens};
pub(crate) use matvec::RowsTimesVector;
pub(crate) use panel::{BlockRows, PANEL_TILE, PanelRow, PanelRows, Spans, TileTimesPanels, fill_panels};

use crate::activations::{ActivationBlock, BLOCK, STRIPS};
use crate::block::BlockFormat;
use crate::isa::{Isa, PanelIsa, STRIP};

/// How the kernels read a format's packed bytes.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "sets with panels are of x86-64 so far"))]
pub(crate) trait BlockKernel: Send + Sync + 'static {
    /// The format.
    type Format: BlockFormat;

    /// Two rows' blocks of 256 weights, or what of them is worth keeping in registers.
    type Block<'a, I: Isa>: Copy;

    /// Bytes of 256 weights.
    const BYTES: usize = BLOCK / <Self::Format as BlockFormat>::FORMAT.block_len()
        * <Self::Format as BlockFormat>::FORMAT.block_bytes();

    /// Loads a block, [`Self::BYTES`] long. The last of a row may be short where the format's blocks are shorter than 256.
    fn load<I: Isa>(isa: I, rows: [&[u8]; 2]) -> Self::Block<'_, I>;

    /// The codes of strip `k`.
    fn strip<I: Isa>(isa: I, block: &Self::Block<'_, I>, k: usize) -> I::Bytes;

    /// What many tokens use of strip `k`: the codes, or what [`Self::accumulate`] can do with faster.
    #[inline(always)]
    fn unpacked_strip<I: Isa>(isa: I, block: &Self::Block<'_, I>, k: usize) -> I::Bytes {
        Self::strip(isa, block, k)
    }

    /// The scale of strip `k`, and what is added to its weights, where formats have scales per strip.
    fn strip_scale<I: Isa>(isa: I, _block: &Self::Block<'_, I>, _k: usize) -> [I::Floats; 2] {
        [isa.zero(); 2]
    }

    /// Adds the products of a block's first `count` strips with activations.
    fn accumulate<I: Isa, S: Strips<I>>(
        isa: I,
        block: &Self::Block<'_, I>,
        strips: &S,
        count: usize,
        x: &ActivationBlock,
        total: I::Floats,
    ) -> I::Floats;

    /// Adds the products of a short last block, which has `count` strips. Only for formats whose blocks are 256 long and
    /// may be short.
    fn accumulate_short<I: Isa>(
        _isa: I,
        _rows: [&[u8]; 2],
        _count: usize,
        _x: &ActivationBlock,
        _total: I::Floats,
    ) -> I::Floats {
        unreachable!("{} has no short blocks", <Self::Format as BlockFormat>::FORMAT)
    }

    /// Columns that share a scale or an offset in what [`Self::unpack_rows`] writes.
    const SPANS: Spans;

    /// Unpacks a block's first `count` strips for prefill with panels of tokens.
    fn unpack_rows<I: PanelIsa>(isa: I, block: &Self::Block<'_, I>, count: usize, out: &mut [PanelRow; 2]);

    /// Turns a short last block of `count` strips into a full one: the codes that are not there may be anything, since
    /// activations are zero there. Only for formats whose blocks are 256 long and may be short.
    fn lengthen(_short: &[u8], _full: &mut [u8]) {}
}

/// The strips of a block: taken apart when they are needed ([`Lazy`]), or before ([`Unpacked`]).
pub(crate) trait Strips<I: Isa> {
    /// Whether codes are [`BlockKernel::unpacked_strip`]s.
    const UNPACKED: bool;

    /// The codes of strip `k`.
    fn codes(&self, isa: I, k: usize) -> I::Bytes;

    /// See [`BlockKernel::strip_scale`].
    fn scale(&self, isa: I, k: usize) -> [I::Floats; 2];
}

/// For one token.
struct Lazy<'a, 'b, K: BlockKernel, I: Isa>(&'a K::Block<'b, I>);

impl<K: BlockKernel, I: Isa> Strips<I> for Lazy<'_, '_, K, I> {
    const UNPACKED: bool = false;

    #[inline(always)]
    fn codes(&self, isa: I, k: usize) -> I::Bytes {
        K::strip(isa, self.0, k)
    }

    #[inline(always)]
    fn scale(&self, isa: I, k: usize) -> [I::Floats; 2] {
        K::strip_scale(isa, self.0, k)
    }
}

/// For many tokens.
struct Unpacked<I: Isa> {
    codes: [I::Bytes; STRIPS],
    scales: [[I::Floats; 2]; STRIPS],
}

impl<I: Isa> Unpacked<I> {
    #[inline(always)]
    fn new<K: BlockKernel>(isa: I, block: &K::Block<'_, I>, count: usize) -> Self {
        let mut codes = [K::strip(isa, block, 0); STRIPS];
        let mut scales = [[isa.zero(); 2]; STRIPS];
        for k in 0..STRIPS {
            if k < count {
                codes[k] = K::unpacked_strip(isa, block, k);
                scales[k] = K::strip_scale(isa, block, k);
            }
        }
        Self { codes, scales }
    }
}

impl<I: Isa> Strips<I> for Unpacked<I> {
    const UNPACKED: bool = true;

    #[inline(always)]
    fn codes(&self, _: I, k: usize) -> I::Bytes {
        self.codes[k]
    }

    #[inline(always)]
    fn scale(&self, _: I, k: usize) -> [I::Floats; 2] {
        self.scales[k]
    }
}

/// The longest block of 256 weights in bytes (Q8_0's).
const MAX_BYTES: usize = 8 * 34;

/// Strips in the `index`th block of a row of `row_len` weights.
#[inline(always)]
fn strips_in(row_len: usize, index: usize) -> usize {
    ((row_len - index * BLOCK) / STRIP).min(STRIPS)
}

/// The bytes of the `index`th block of two rows, and whether they are fewer than a full block's and need
/// [`BlockKernel::lengthen`].
#[inline(always)]
fn block_of<K: BlockKernel>(rows: [&[u8]; 2], index: usize) -> ([&[u8]; 2], bool) {
    let start = index * K::BYTES;
    // Two slicings, so that the compiler knows the length of a full block.
    if start + K::BYTES <= rows[0].len() {
        return ([&rows[0][start..start + K::BYTES], &rows[1][start..start + K::BYTES]], false);
    }
    let is_short = <K::Format as BlockFormat>::FORMAT.block_len() == BLOCK;
    ([&rows[0][start..], &rows[1][start..]], is_short)
}

/// Two rows out of a packed matrix; the last one twice where their number is odd.
#[inline(always)]
fn pair_of(bytes: &[u8], stride: usize, first: usize) -> [&[u8]; 2] {
    let row = |index: usize| &bytes[index * stride..][..stride];
    let second = if (first + 2) * stride <= bytes.len() { first + 1 } else { first };
    [row(first), row(second)]
}

/// The `index`th block of two rows, made longer in `room` where it is short.
#[inline(always)]
fn full_block<'a, K: BlockKernel>(
    rows: [&'a [u8]; 2],
    index: usize,
    [first, second]: &'a mut [[u8; MAX_BYTES]; 2],
) -> [&'a [u8]; 2] {
    let (bytes, is_short) = block_of::<K>(rows, index);
    if !is_short {
        return bytes;
    }
    K::lengthen(bytes[0], &mut first[..K::BYTES]);
    K::lengthen(bytes[1], &mut second[..K::BYTES]);
    [&first[..K::BYTES], &second[..K::BYTES]]
}

#[cfg(test)]
mod tests;
