//! Formats with one scale per 256 weights and evenly spaced levels: PiQ, UQ, PiT, TQ2_0.

use super::short::strip_of_plane;
use super::{BlockKernel, PanelRow, Spans, Strips};
use crate::activations::{ActivationBlock, STRIPS};
use crate::block::BlockFormat;
use crate::isa::{Isa, PanelIsa};
use std::marker::PhantomData;

/// What such a format has to say: w = scale · (code − offset), codes in planes of 32-byte groups.
pub(crate) trait OneScale: BlockFormat {
    /// The code of level zero: 1, 2 or 4.
    const OFFSET: i32;

    /// Takes a full block apart.
    fn parts(block: &[u8]) -> Parts<'_>;

    /// Takes a short block apart, where blocks may be short.
    fn short_parts(_block: &[u8]) -> ShortParts<'_> {
        unreachable!("{} has no short blocks", Self::FORMAT)
    }

    /// See [`BlockKernel::lengthen`].
    fn lengthen(_short: &[u8], _full: &mut [u8]) {}
}

/// A full block.
pub(crate) struct Parts<'a> {
    /// An F16.
    pub(crate) scale: [u8; 2],
    /// Two bits of each code.
    pub(crate) low: &'a [u8; 64],
    /// The third bit, where codes have it.
    pub(crate) high: Option<&'a [u8; 32]>,
}

/// A short block.
pub(crate) struct ShortParts<'a> {
    /// An F16.
    pub(crate) scale: [u8; 2],
    /// A plane of two bits of each code.
    pub(crate) low: &'a [u8],
    /// A plane of third bits, empty where codes have none.
    pub(crate) high: &'a [u8],
}

/// Loaded codes of 2 or 3 bits.
#[derive(Clone, Copy)]
pub(crate) struct CodePlanes<I: Isa> {
    low: [I::Bytes; 2],
    high: Option<I::Bytes>,
}

impl<I: Isa> CodePlanes<I> {
    #[inline(always)]
    pub(crate) fn load(isa: I, low: [&[u8; 64]; 2], high: Option<[&[u8; 32]; 2]>) -> Self {
        let group = |row: usize, at: usize| -> &[u8; 32] {
            low[row][at..at + 32].try_into().expect("32 of 64 bytes")
        };
        Self {
            low: [isa.bytes([group(0, 0), group(1, 0)]), isa.bytes([group(0, 32), group(1, 32)])],
            #[expect(clippy::manual_map, reason = "a closure is not compiled for the instruction set")]
            high: match high {
                Some(rows) => Some(isa.bytes(rows)),
                None => None,
            },
        }
    }

    #[inline(always)]
    pub(crate) fn strip(&self, isa: I, k: usize) -> I::Bytes {
        let low = isa.mask(isa.shr(self.low[k / 4], 2 * (k as u32 % 4)), 3);
        let Some(high) = self.high else { return low };
        // the third bit of strip k is bit k of its byte
        let high = if k < 2 { isa.shl(high, 2 - k as u32) } else { isa.shr(high, k as u32 - 2) };
        isa.or(low, isa.mask(high, 4))
    }

    /// The codes of strip `K` where they lie in their bytes, at the bits that `IN_PLACE` makes up for: most need no
    /// shift.
    #[inline(always)]
    fn in_place<const K: usize>(&self, isa: I) -> I::Bytes {
        let lies = 2 * (K as u32 % 4);
        let at = lies.min(4);
        let low = if lies == at { self.low[K / 4] } else { isa.shr(self.low[K / 4], lies - at) };
        let low = isa.mask(low, 3 << at);
        let Some(high) = self.high else { return low };
        let (lies, at) = (K as u32, at + 2);
        let high = if lies < at { isa.shl(high, at - lies) } else { isa.shr(high, lies - at) };
        isa.or(low, isa.mask(high, 1 << at))
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Block<I: Isa> {
    codes: CodePlanes<I>,
    scale: I::Floats,
}

/// Adds the products of a full block, its codes taken in place.
#[inline(always)]
fn accumulate_in_place<F: OneScale, I: Isa>(
    isa: I,
    block: &Block<I>,
    x: &ActivationBlock,
    total: I::Floats,
) -> I::Floats {
    let mut sums = isa.start(0);
    // Not a loop: the compiler shall know every shift.
    sums = add_strip::<0, I>(isa, block, x, sums);
    sums = add_strip::<1, I>(isa, block, x, sums);
    sums = add_strip::<2, I>(isa, block, x, sums);
    sums = add_strip::<3, I>(isa, block, x, sums);
    sums = add_strip::<4, I>(isa, block, x, sums);
    sums = add_strip::<5, I>(isa, block, x, sums);
    sums = add_strip::<6, I>(isa, block, x, sums);
    sums = add_strip::<7, I>(isa, block, x, sums);
    let total = isa.add_scaled(total, sums, block.scale, x.scale_in_place);
    isa.add_part(total, block.scale, x.offsets[F::OFFSET.ilog2() as usize])
}

#[inline(always)]
fn add_strip<const K: usize, I: Isa>(
    isa: I,
    block: &Block<I>,
    x: &ActivationBlock,
    sums: I::Ints,
) -> I::Ints {
    isa.dot(sums, block.codes.in_place::<K>(isa), isa.splat(x.pairs_in_place[K]), &x.codes[K])
}

/// The kernel of these formats.
pub(crate) struct OneScaleKernel<F>(PhantomData<F>);

impl<F: OneScale> BlockKernel for OneScaleKernel<F> {
    type Format = F;
    type Block<'a, I: Isa> = Block<I>;

    #[inline(always)]
    fn load<I: Isa>(isa: I, [first, second]: [&[u8]; 2]) -> Block<I> {
        let (first, second) = (F::parts(first), F::parts(second));
        let high = match (first.high, second.high) {
            (Some(first), Some(second)) => Some([first, second]),
            _ => None,
        };
        Block {
            codes: CodePlanes::load(isa, [first.low, second.low], high),
            scale: isa.halves([first.scale, second.scale]),
        }
    }

    #[inline(always)]
    fn strip<I: Isa>(isa: I, block: &Block<I>, k: usize) -> I::Bytes {
        block.codes.strip(isa, k)
    }

    #[inline(always)]
    fn accumulate<I: Isa, S: Strips<I>>(
        isa: I,
        block: &Block<I>,
        strips: &S,
        count: usize,
        x: &ActivationBlock,
        total: I::Floats,
    ) -> I::Floats {
        if !S::UNPACKED && count == STRIPS {
            return accumulate_in_place::<F, I>(isa, block, x, total);
        }
        let mut sums = isa.start(-F::OFFSET * x.sum);
        for k in 0..count {
            sums = isa.dot(sums, strips.codes(isa, k), isa.splat(x.pairs[k]), &x.codes[k]);
        }
        isa.add_scaled(total, sums, block.scale, x.scale)
    }

    #[inline(always)]
    fn accumulate_short<I: Isa>(
        isa: I,
        [first, second]: [&[u8]; 2],
        count: usize,
        x: &ActivationBlock,
        total: I::Floats,
    ) -> I::Floats {
        let (first, second) = (F::short_parts(first), F::short_parts(second));
        let mut sums = isa.start(-F::OFFSET * x.sum);
        for k in 0..count {
            let mut codes = strip_of_plane::<2, I>(isa, [first.low, second.low], k);
            if !first.high.is_empty() {
                let high = strip_of_plane::<1, I>(isa, [first.high, second.high], k);
                codes = isa.or(codes, isa.mask(isa.shl(high, 2), 4));
            }
            sums = isa.dot(sums, codes, isa.splat(x.pairs[k]), &x.codes[k]);
        }
        isa.add_scaled(total, sums, isa.halves([first.scale, second.scale]), x.scale)
    }

    const SPANS: Spans = Spans::both(Spans::BLOCK);

    #[inline(always)]
    fn unpack_rows<I: PanelIsa>(isa: I, block: &Block<I>, count: usize, [first, second]: &mut [PanelRow; 2]) {
        for k in 0..count {
            isa.store(block.codes.strip(isa, k), [first.strip(k), second.strip(k)]);
        }
        for (row, scale) in [first, second].into_iter().zip(isa.lanes(block.scale)) {
            row.scales[0] = scale[0];
            row.offsets[0] = -scale[0] * F::OFFSET as f32;
        }
    }

    #[inline(always)]
    fn lengthen(short: &[u8], full: &mut [u8]) {
        F::lengthen(short, full);
    }
}
