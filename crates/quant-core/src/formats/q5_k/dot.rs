//! Integer products with Q5_K.

use super::{Block, Q5K};
use crate::formats::k_quant::nibbles;
use crate::isa::Isa;
use crate::kernel::sub_scales::{Scales, SubScales};

#[inline(always)]
fn blocks(rows: [&[u8]; 2]) -> [&Block; 2] {
    [bytemuck::from_bytes(rows[0]), bytemuck::from_bytes(rows[1])]
}

/// Nibbles where they lie, and the fifth bits: bit k of each byte belongs to strip k.
#[derive(Clone, Copy)]
pub(crate) struct Codes<'a, I: Isa> {
    low: [&'a [u8; 128]; 2],
    high: I::Bytes,
}

impl SubScales for Q5K {
    type Codes<'a, I: Isa> = Codes<'a, I>;

    const PER_STRIP: bool = true;

    #[inline(always)]
    fn codes<I: Isa>(isa: I, rows: [&[u8]; 2]) -> Codes<'_, I> {
        let [first, second] = blocks(rows);
        Codes { low: [&first.low, &second.low], high: isa.bytes([&first.high, &second.high]) }
    }

    #[inline(always)]
    fn strip<I: Isa>(isa: I, codes: &Codes<'_, I>, k: usize) -> I::Bytes {
        let high = if k < 4 { isa.shl(codes.high, 4 - k as u32) } else { isa.shr(codes.high, k as u32 - 4) };
        isa.or(nibbles::strip(isa, codes.low, k), isa.mask(high, 16))
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
