//! K-quants: an integer scale per 16 or 32 weights under an F16 scale per 256.

use super::{BlockKernel, PanelRow, Strips};
use crate::activations::{ActivationBlock, STRIPS};
use crate::block::BlockFormat;
use crate::isa::{Isa, PanelIsa};
use std::marker::PhantomData;

/// What a K-quant has to say: w = scale · multiplier · code + offset.
pub(crate) trait SubScales: BlockFormat {
    /// Loaded codes.
    type Codes<'a, I: Isa>: Copy;

    /// Strips whose products with scales surely fit in 32 bits when they are added.
    const STRIPS_PER_SUM: usize = STRIPS;

    /// Whether a code times its multiplier is at most 127 and not negative, so that both fit in a byte.
    const FOLDS: bool = false;

    /// Loads the codes of two rows' blocks.
    fn codes<I: Isa>(isa: I, rows: [&[u8]; 2]) -> Self::Codes<'_, I>;

    /// The codes of strip `k`, at most 127.
    fn strip<I: Isa>(isa: I, codes: &Self::Codes<'_, I>, k: usize) -> I::Bytes;

    /// Loads the scales of two rows' blocks.
    fn scales<I: Isa>(isa: I, rows: [&[u8]; 2]) -> Scales<I>;
}

/// The scales of two rows' blocks.
#[derive(Clone, Copy)]
pub(crate) struct Scales<I: Isa> {
    /// Of each half, under `scale`; at most 128 in magnitude.
    pub(crate) multipliers: I::Shorts,
    pub(crate) scale: I::Floats,
    /// What is added to each weight of a half ([`Isa::weights`]).
    pub(crate) offsets: [I::Floats; 2],
}

#[derive(Clone, Copy)]
pub(crate) struct Block<C: Copy, I: Isa> {
    codes: C,
    scales: Scales<I>,
}

/// The kernel of these formats.
pub(crate) struct SubScalesKernel<F>(PhantomData<F>);

impl<F: SubScales> BlockKernel for SubScalesKernel<F> {
    type Format = F;
    type Block<'a, I: Isa> = Block<F::Codes<'a, I>, I>;

    #[inline(always)]
    fn load<I: Isa>(isa: I, rows: [&[u8]; 2]) -> Self::Block<'_, I> {
        Block { codes: F::codes(isa, rows), scales: F::scales(isa, rows) }
    }

    #[inline(always)]
    fn strip<I: Isa>(isa: I, block: &Self::Block<'_, I>, k: usize) -> I::Bytes {
        F::strip(isa, &block.codes, k)
    }

    #[inline(always)]
    fn unpacked_strip<I: Isa>(isa: I, block: &Self::Block<'_, I>, k: usize) -> I::Bytes {
        let codes = F::strip(isa, &block.codes, k);
        if !F::FOLDS {
            return codes;
        }
        isa.scale_codes(codes, isa.of_strip(block.scales.multipliers, k))
    }

    #[inline(always)]
    fn accumulate<I: Isa, S: Strips<I>>(
        isa: I,
        block: &Self::Block<'_, I>,
        strips: &S,
        _count: usize,
        x: &ActivationBlock,
        mut total: I::Floats,
    ) -> I::Floats {
        let scales = &block.scales;
        let is_folded = F::FOLDS && S::UNPACKED;
        let by = isa.times(scales.multipliers, isa.eight(&x.multipliers));
        for first in (0..STRIPS).step_by(F::STRIPS_PER_SUM) {
            let mut sums = isa.start(0);
            for k in first..first + F::STRIPS_PER_SUM {
                let by = if is_folded { isa.splat(x.pairs[k]) } else { isa.of_strip(by, k) };
                sums = isa.dot(sums, strips.codes(isa, k), by, &x.codes[k]);
            }
            total = isa.add_scaled(total, sums, scales.scale, x.scale);
        }
        isa.add_weighted(total, scales.offsets, &x.half_sums)
    }

    const SCALE_PER_HALF: bool = true;

    #[inline(always)]
    fn unpack_rows<I: PanelIsa>(
        isa: I,
        block: &Self::Block<'_, I>,
        count: usize,
        [first, second]: &mut [PanelRow; 2],
    ) {
        for k in 0..count {
            isa.store(F::strip(isa, &block.codes, k), [first.strip(k), second.strip(k)]);
        }
        let scales = isa.weights(block.scales.multipliers, block.scales.scale);
        for parity in 0..2 {
            let scales = isa.lanes(scales[parity]);
            let offsets = isa.lanes(block.scales.offsets[parity]);
            for k in 0..STRIPS {
                first.scales[2 * k + parity] = scales[0][k];
                second.scales[2 * k + parity] = scales[1][k];
                first.offsets[2 * k + parity] = offsets[0][k];
                second.offsets[2 * k + parity] = offsets[1][k];
            }
        }
    }
}
