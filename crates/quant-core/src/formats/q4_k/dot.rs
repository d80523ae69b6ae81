//! Integer products with Q4_K.

use super::{Block, Q4K};
use crate::formats::k_quant::nibbles;
use crate::isa::Isa;
use crate::kernel::sub_scales::{Scales, SubScales};

#[inline(always)]
fn blocks(rows: [&[u8]; 2]) -> [&Block; 2] {
    [bytemuck::from_bytes(rows[0]), bytemuck::from_bytes(rows[1])]
}

impl SubScales for Q4K {
    type Codes<'a, I: Isa> = [&'a [u8; 128]; 2];

    const PER_STRIP: bool = true;

    #[inline(always)]
    fn codes<I: Isa>(_: I, rows: [&[u8]; 2]) -> [&[u8; 128]; 2] {
        let [first, second] = blocks(rows);
        [&first.codes, &second.codes]
    }

    #[inline(always)]
    fn strip<I: Isa>(isa: I, codes: &[&[u8; 128]; 2], k: usize) -> I::Bytes {
        nibbles::strip(isa, *codes, k)
    }

    #[inline(always)]
    fn scales<I: Isa>(isa: I, rows: [&[u8]; 2]) -> Scales<I> {
        let [first, second] = blocks(rows);
        let (packed, other) = (first.scales.packed(), second.scales.packed());
        let mins = isa.eight_each([packed.1, other.1]);
        Scales {
            multipliers: isa.eight_each([packed.0, other.0]),
            scale: isa.halves([first.d.bytes(), second.d.bytes()]),
            offsets: isa.weights(mins, isa.halves([first.dmin.negated(), second.dmin.negated()])),
        }
    }
}
