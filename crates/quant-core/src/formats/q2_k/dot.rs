//! Integer products with Q2_K.

use super::{Block, Q2K};
use crate::isa::Isa;
use crate::kernel::one_scale::CodePlanes;
use crate::kernel::sub_scales::{Scales, SubScales};

#[inline(always)]
fn blocks(rows: [&[u8]; 2]) -> [&Block; 2] {
    [bytemuck::from_bytes(rows[0]), bytemuck::from_bytes(rows[1])]
}

impl SubScales for Q2K {
    type Codes<'a, I: Isa> = CodePlanes<I>;

    /// 3 · 15 is little.
    const FOLDS: bool = true;

    #[inline(always)]
    fn codes<I: Isa>(isa: I, rows: [&[u8]; 2]) -> CodePlanes<I> {
        let [first, second] = blocks(rows);
        CodePlanes::load(isa, [&first.codes, &second.codes], None)
    }

    #[inline(always)]
    fn strip<I: Isa>(isa: I, codes: &CodePlanes<I>, k: usize) -> I::Bytes {
        codes.strip(isa, k)
    }

    #[inline(always)]
    fn scales<I: Isa>(isa: I, rows: [&[u8]; 2]) -> Scales<I> {
        let [first, second] = blocks(rows);
        let packed = isa.half([&first.scales, &second.scales]);
        let mins = isa.sixteen(isa.mask_half(isa.shr_half(packed, 4), 15));
        Scales {
            multipliers: isa.sixteen(isa.mask_half(packed, 15)),
            scale: isa.halves([first.d.bytes(), second.d.bytes()]),
            offsets: isa.weights(mins, isa.halves([first.dmin.negated(), second.dmin.negated()])),
        }
    }
}
