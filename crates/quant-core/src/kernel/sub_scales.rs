//! K-quants: an integer scale per 16 or 32 weights under an F16 scale per 256.

use super::{BlockKernel, PanelRow, Spans, Strips};
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

    /// The code of zero, where (zero − code) · multiplier always fits in a signed byte and offsets are those of zero:
    /// prefill with panels then has one scale per block.
    const FOLDS_AROUND: Option<u8> = None;

    /// Whether both halves of a strip have the same multiplier and offset.
    const PER_STRIP: bool = false;

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

    const SPANS: Spans = if F::FOLDS_AROUND.is_some() {
        Spans::both(Spans::BLOCK)
    } else if F::PER_STRIP {
        Spans::both(Spans::STRIP)
    } else {
        Spans { scales: if F::FOLDS { Spans::BLOCK } else { Spans::HALF }, offsets: Spans::HALF }
    };

    #[inline(always)]
    fn unpack_rows<I: PanelIsa>(
        isa: I,
        block: &Self::Block<'_, I>,
        count: usize,
        [first, second]: &mut [PanelRow; 2],
    ) {
        let mut rows = [first, second];
        for k in 0..count {
            let codes = match F::FOLDS_AROUND {
                Some(zero) => {
                    isa.fold(F::strip(isa, &block.codes, k), zero, isa.of_strip(block.scales.multipliers, k))
                }
                None => Self::unpacked_strip(isa, block, k),
            };
            isa.store(codes, rows.each_mut().map(|row| row.strip(k)));
        }
        let scale = isa.lanes(block.scales.scale);
        if F::FOLDS_AROUND.is_some() {
            for (row, [scale, ..]) in rows.into_iter().zip(scale) {
                row.scales[0] = -scale;
                row.offsets[0] = FOLDED_ZERO * scale;
            }
            return;
        }
        let [even, odd] = isa.weights(block.scales.multipliers, block.scales.scale);
        let scales = [isa.lanes(even), isa.lanes(odd)];
        let [even, odd] = block.scales.offsets;
        let offsets = [isa.lanes(even), isa.lanes(odd)];
        for (index, row) in rows.into_iter().enumerate() {
            spread::<F>([scales[0][index], scales[1][index]], &mut row.scales);
            spread::<F>([offsets[0][index], offsets[1][index]], &mut row.offsets);
            if F::FOLDS {
                row.scales[0] = scale[index][0];
            }
        }
    }
}

/// What [`PanelIsa::fold`] adds.
const FOLDED_ZERO: f32 = 128.0;

/// Numbers of even and of odd halves, in the order of columns: of strips, or of halves.
#[inline(always)]
fn spread<F: SubScales>([even, odd]: [[f32; STRIPS]; 2], out: &mut [f32; 2 * STRIPS]) {
    if F::PER_STRIP {
        out[..STRIPS].copy_from_slice(&even);
        return;
    }
    for k in 0..STRIPS {
        out[2 * k] = even[k];
        out[2 * k + 1] = odd[k];
    }
}
