//! Integer products with Q8_0.

use super::Q8_0;
use crate::isa::Isa;
use crate::kernel::small_blocks::SmallBlocks;

impl SmallBlocks for Q8_0 {
    const SIGNED: bool = true;

    #[inline(always)]
    fn strip<I: Isa>(isa: I, [first, second]: [&[u8]; 2], _: usize) -> I::Bytes {
        let codes = |block: &[u8]| -> [u8; 32] { block[2..34].try_into().expect("32 bytes") };
        isa.bytes([&codes(first), &codes(second)])
    }

    #[inline(always)]
    fn scale(block: &[u8]) -> [u8; 2] {
        [block[0], block[1]]
    }
}
