//! K-quants: an integer scale per 16 or 32 weights under an F16 scale per 256.

use super::{BlockKernel, Strips};
use crate::activations::{ActivationBlock, STRIPS};
use crate::block::BlockFormat;
use crate::isa::Isa;
use std::marker::PhantomData;

/// What a K-quant has to say: w = scale · multiplier · code + offset.
pub(crate) trait SubScales: BlockFormat {
    /// Loaded codes.
    type Codes<'a, I: Isa>: Copy;

    /// Strips whose products with scales surely fit in 32 bits when they are added.
    const STRIPS_PER_SUM: usize = STRIPS;

    /// Loads the codes of two rows' blocks.
    fn codes<'a, I: Isa>(isa: I, rows: [&'a [u8]; 2]) -> Self::Codes<'a, I>;

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
    pub(crate) scale: [f32; 2],
    /// What is added to each weight of a half, under `offset_scale`.
    pub(crate) offsets: I::Shorts,
    pub(crate) offset_scale: [f32; 2],
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
    fn load<'a, I: Isa>(isa: I, rows: [&'a [u8]; 2]) -> Self::Block<'a, I> {
        Block { codes: F::codes(isa, rows), scales: F::scales(isa, rows) }
    }

    #[inline(always)]
    fn strip<I: Isa>(isa: I, block: &Self::Block<'_, I>, k: usize) -> I::Bytes {
        F::strip(isa, &block.codes, k)
    }

    #[inline(always)]
    fn accumulate<I: Isa>(
        isa: I,
        block: &Self::Block<'_, I>,
        strips: impl Strips<I>,
        _count: usize,
        x: &ActivationBlock,
        mut total: I::Floats,
    ) -> I::Floats {
        let scales = &block.scales;
        let by = isa.times(scales.multipliers, isa.eight(&x.multipliers));
        let scale = [scales.scale[0] * x.scale, scales.scale[1] * x.scale];
        for first in (0..STRIPS).step_by(F::STRIPS_PER_SUM) {
            let mut sums = isa.start(0);
            for k in first..first + F::STRIPS_PER_SUM {
                sums = isa.dot(sums, strips.get(isa, k), isa.of_strip(by, k), &x.codes[k]);
            }
            total = isa.add_scaled(total, sums, scale);
        }
        isa.add_weighted(total, scales.offsets, scales.offset_scale, &x.half_sums)
    }
}
