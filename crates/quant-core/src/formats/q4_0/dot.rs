//! Integer products with Q4_0.

use super::{Block, Q4_0};
use crate::formats::ggml::nibbles;
use crate::isa::Isa;
use crate::kernel::small_blocks::SmallBlocks;

impl SmallBlocks for Q4_0 {
    const OFFSET: i32 = 8;

    #[inline(always)]
    fn strip<I: Isa>(isa: I, [first, second]: [&[u8]; 2], _: usize) -> I::Bytes {
        let (first, second): (&Block, &Block) = (bytemuck::from_bytes(first), bytemuck::from_bytes(second));
        nibbles(isa, [&first.codes, &second.codes])
    }

    #[inline(always)]
    fn scale(block: &[u8]) -> [u8; 2] {
        bytemuck::from_bytes::<Block>(block).d.bytes()
    }
}
