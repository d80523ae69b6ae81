//! Integer products with Q3_K.

use super::{Block, Q3K, Scales as PackedScales};
use crate::isa::Isa;
use crate::kernel::one_scale::CodePlanes;
use crate::kernel::sub_scales::{Scales, SubScales};

/// The code of zero.
const ZERO: u8 = 4;

#[inline(always)]
fn blocks(rows: [&[u8]; 2]) -> [&Block; 2] {
    [bytemuck::from_bytes(rows[0]), bytemuck::from_bytes(rows[1])]
}

impl PackedScales {
    /// The scales as bytes: what `get` gives, without loops.
    #[inline(always)]
    fn bytes(&self) -> [u8; 16] {
        const SIGNS: u128 = u128::from_le_bytes([0x80; 16]);
        let nibbles = u64::from_le_bytes(self.low);
        let low = u128::from(nibbles & 0x0F0F_0F0F_0F0F_0F0F)
            | u128::from(nibbles >> 4 & 0x0F0F_0F0F_0F0F_0F0F) << 64;
        let pairs = u128::from(u32::from_le_bytes(self.high));
        let pairs = pairs | pairs << 30 | pairs << 60 | pairs << 90;
        let scales = low | (pairs & u128::from_le_bytes([3; 16])) << 4;
        // minus 32 in each byte: the set sign bits keep borrows from crossing
        (((scales | SIGNS) - u128::from_le_bytes([32; 16])) ^ SIGNS).to_le_bytes()
    }
}

impl SubScales for Q3K {
    type Codes<'a, I: Isa> = CodePlanes<I>;

    /// From −3 to 4, times from −32 to 31.
    const FOLDS_AROUND: Option<u8> = Some(ZERO);

    #[inline(always)]
    fn codes<I: Isa>(isa: I, rows: [&[u8]; 2]) -> CodePlanes<I> {
        let [first, second] = blocks(rows);
        CodePlanes::load(isa, [&first.low, &second.low], Some([&first.high, &second.high]))
    }

    #[inline(always)]
    fn strip<I: Isa>(isa: I, codes: &CodePlanes<I>, k: usize) -> I::Bytes {
        codes.strip(isa, k)
    }

    #[inline(always)]
    fn scales<I: Isa>(isa: I, rows: [&[u8]; 2]) -> Scales<I> {
        let [first, second] = blocks(rows);
        let multipliers = isa.sixteen_signed(isa.half([&first.scales.bytes(), &second.scales.bytes()]));
        let scale = [first.d.get(), second.d.get()];
        Scales {
            multipliers,
            scale: isa.floats(scale),
            offsets: isa.weights(multipliers, isa.floats(scale.map(|scale| -f32::from(ZERO) * scale))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_ways_to_read_scales_agree(low: [u8; 8], high: [u8; 4]) {
            let scales = PackedScales { low, high };
            prop_assert_eq!(scales.bytes().map(|b| b as i8), scales.get());
        }
    }
}
