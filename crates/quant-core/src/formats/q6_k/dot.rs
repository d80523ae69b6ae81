//! Integer products with Q6_K.

use super::{Block, Q6K};
use crate::isa::{Isa, STRIP};
use crate::kernel::sub_scales::{Scales, SubScales};

/// The code of zero.
const OFFSET: f32 = 32.0;

#[inline(always)]
fn blocks(rows: [&[u8]; 2]) -> [&Block; 2] {
    [bytemuck::from_bytes(rows[0]), bytemuck::from_bytes(rows[1])]
}

#[inline(always)]
fn strip_of(bytes: &[u8], at: usize) -> &[u8; STRIP] {
    bytes[at..at + STRIP].try_into().expect("32 bytes")
}

impl SubScales for Q6K {
    type Codes<'a, I: Isa> = [&'a Block; 2];

    /// Codes to 63, scales to 128: two strips' products may fill 31 bits.
    const STRIPS_PER_SUM: usize = 2;

    #[inline(always)]
    fn codes<I: Isa>(_: I, rows: [&[u8]; 2]) -> [&Block; 2] {
        blocks(rows)
    }

    /// Each half of a block is 64 bytes of nibbles, for strips 0 and 1 then 2 and 3, and 32 bytes of four pairs.
    #[inline(always)]
    fn strip<I: Isa>(isa: I, [first, second]: &[&Block; 2], k: usize) -> I::Bytes {
        let (half, part) = (k / 4, k % 4);
        let at = half * 64 + part % 2 * STRIP;
        let low = isa.bytes([strip_of(&first.low, at), strip_of(&second.low, at)]);
        let low = isa.mask(isa.shr(low, part as u32 / 2 * 4), 15);
        let high = isa.bytes([strip_of(&first.high, half * STRIP), strip_of(&second.high, half * STRIP)]);
        let high =
            if part < 2 { isa.shl(high, 4 - 2 * part as u32) } else { isa.shr(high, 2 * part as u32 - 4) };
        isa.or(low, isa.mask(high, 0x30))
    }

    #[inline(always)]
    fn scales<I: Isa>(isa: I, rows: [&[u8]; 2]) -> Scales<I> {
        let [first, second] = blocks(rows);
        let multipliers = isa.sixteen_signed(
            isa.half([bytemuck::cast_ref(&first.scales), bytemuck::cast_ref(&second.scales)]),
        );
        let scale = [first.d.get(), second.d.get()];
        Scales {
            multipliers,
            scale: isa.floats(scale),
            offsets: isa.weights(multipliers, isa.floats([-OFFSET * scale[0], -OFFSET * scale[1]])),
        }
    }
}
