//! Formats with an F16 scale per 32 or 64 weights: Q8_0, Q4_0, Q4_1, IQ4_NL, NF.

use super::{BlockKernel, PanelRow, Spans, Strips};
use crate::activations::ActivationBlock;
use crate::block::BlockFormat;
use crate::formats::read_f16;
use crate::isa::{Isa, PanelIsa, STRIP};
use std::marker::PhantomData;

/// What such a format has to say: w = scale · (code − offset) + minimum.
pub(crate) trait SmallBlocks: BlockFormat {
    /// Whether codes are signed bytes; else they are at most 127.
    const SIGNED: bool = false;

    /// The code of zero.
    const OFFSET: i32 = 0;

    /// Whether blocks have a minimum.
    const HAS_MINIMUM: bool = false;

    /// The codes of the `index`th 32 weights of two rows' blocks.
    fn strip<I: Isa>(isa: I, blocks: [&[u8]; 2], index: usize) -> I::Bytes;

    /// What scales are multiplied by.
    const UNIT: f32 = 1.0;

    /// The scale of a block, an F16.
    fn scale(block: &[u8]) -> [u8; 2];

    /// What is added to each weight of a block, an F16, where [`Self::HAS_MINIMUM`].
    fn minimum(_block: &[u8]) -> [u8; 2] {
        [0; 2]
    }
}

/// Some blocks of two rows.
#[derive(Clone, Copy)]
pub(crate) struct Blocks<'a> {
    rows: [&'a [u8]; 2],
}

impl<'a> Blocks<'a> {
    /// The blocks of format `F` that strip `k` is in. The last of a row may be short.
    #[inline(always)]
    fn of_strip<F: SmallBlocks>(self, k: usize) -> [&'a [u8]; 2] {
        let start = k / strips_per_block::<F>() * F::FORMAT.block_bytes();
        let end = self.rows[0].len().min(start + F::FORMAT.block_bytes());
        [&self.rows[0][start..end], &self.rows[1][start..end]]
    }
}

#[inline(always)]
const fn strips_per_block<F: SmallBlocks>() -> usize {
    F::FORMAT.block_len() / STRIP
}

/// The kernel of these formats.
pub(crate) struct SmallBlocksKernel<F>(PhantomData<F>);

impl<F: SmallBlocks> BlockKernel for SmallBlocksKernel<F> {
    type Format = F;
    type Block<'a, I: Isa> = Blocks<'a>;

    #[inline(always)]
    fn load<I: Isa>(_: I, rows: [&[u8]; 2]) -> Blocks<'_> {
        Blocks { rows }
    }

    #[inline(always)]
    fn strip<I: Isa>(isa: I, block: &Blocks<'_>, k: usize) -> I::Bytes {
        F::strip(isa, block.of_strip::<F>(k), k % strips_per_block::<F>())
    }

    #[inline(always)]
    fn strip_scale<I: Isa>(isa: I, block: &Blocks<'_>, k: usize) -> [I::Floats; 2] {
        let [first, second] = block.of_strip::<F>(k);
        let scale = isa.halves([F::scale(first), F::scale(second)]);
        let minimum =
            if F::HAS_MINIMUM { isa.halves([F::minimum(first), F::minimum(second)]) } else { scale };
        [scale, minimum]
    }

    #[inline(always)]
    fn accumulate<I: Isa, S: Strips<I>>(
        isa: I,
        _: &Blocks<'_>,
        strips: &S,
        count: usize,
        x: &ActivationBlock,
        total: I::Floats,
    ) -> I::Floats {
        let mut part = isa.zero();
        for k in 0..count {
            let [scale, minimum] = strips.scale(isa, k);
            let sums = isa.start(-F::OFFSET * x.strip_sums[k]);
            let (codes, by) = (strips.codes(isa, k), isa.splat(x.pairs[k]));
            let sums = if F::SIGNED {
                isa.dot_signed(sums, codes, by, &x.codes[k])
            } else {
                isa.dot(sums, codes, by, &x.codes[k])
            };
            part = isa.add_scaled(part, sums, scale, 1.0);
            if F::HAS_MINIMUM {
                part = isa.add_scaled(part, isa.start(x.strip_sums[k]), minimum, 1.0);
            }
        }
        isa.add_part(total, part, F::UNIT * x.scale)
    }

    const SPANS: Spans = Spans::both(Spans::STRIP);

    #[inline(always)]
    fn unpack_rows<I: PanelIsa>(
        isa: I,
        block: &Blocks<'_>,
        count: usize,
        [first, second]: &mut [PanelRow; 2],
    ) {
        for k in 0..count {
            let codes = Self::strip(isa, block, k);
            let codes = if F::SIGNED { isa.unsigned(codes) } else { codes };
            isa.store(codes, [first.strip(k), second.strip(k)]);
            let zero = if F::SIGNED { 128 } else { F::OFFSET } as f32;
            for (row, bytes) in [&mut *first, &mut *second].into_iter().zip(block.of_strip::<F>(k)) {
                let scale = F::UNIT * read_f16(&F::scale(bytes));
                let offset = read_f16(&F::minimum(bytes)) - zero * scale;
                row.scales[k] = scale;
                row.offsets[k] = offset;
            }
        }
    }
}
