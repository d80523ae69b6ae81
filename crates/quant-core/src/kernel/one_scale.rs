//! Formats with one scale per 256 weights and evenly spaced levels: PiQ, UQ, PiT, TQ2_0.

use super::{BlockKernel, PanelRow, Strips};
use crate::activations::{ActivationBlock, STRIPS};
use crate::block::BlockFormat;
use crate::isa::{Isa, PanelIsa};
use std::marker::PhantomData;

/// What such a format has to say: w = scale · (code − offset), codes in planes of 32-byte groups.
pub(crate) trait OneScale: BlockFormat {
    /// The code of level zero.
    const OFFSET: i32;

    /// Takes a full block apart.
    fn parts(block: &[u8]) -> Parts<'_>;

    /// See [`BlockKernel::lengthen`].
    fn lengthen(_short: &[u8], _full: &mut [u8]) {}
}

/// A full block.
pub(crate) struct Parts<'a> {
    pub(crate) scale: f32,
    /// Two bits of each code.
    pub(crate) low: &'a [u8; 64],
    /// The third bit, where codes have it.
    pub(crate) high: Option<&'a [u8; 32]>,
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
}

#[derive(Clone, Copy)]
pub(crate) struct Block<I: Isa> {
    codes: CodePlanes<I>,
    scale: I::Floats,
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
            scale: isa.floats([first.scale, second.scale]),
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
        let mut sums = isa.start(-F::OFFSET * x.sum);
        for k in 0..STRIPS {
            // Not a loop to `count`, so that shifts are constants where it is unrolled.
            if k >= count {
                break;
            }
            sums = isa.dot(sums, strips.codes(isa, k), isa.splat(x.pairs[k]), &x.codes[k]);
        }
        isa.add_scaled(total, sums, block.scale, x.scale)
    }

    const SCALE_PER_HALF: bool = false;

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
