//! Integer products with IQ4_NL.

use super::{Block, Iq4Nl, VALUES};
use crate::formats::ggml::nibbles;
use crate::isa::Isa;
use crate::kernel::small_blocks::SmallBlocks;

/// The values, which are integers, as signed bytes.
const TABLE: [u8; 16] = {
    let mut table = [0; 16];
    let mut i = 0;
    while i < 16 {
        table[i] = VALUES[i] as i8 as u8;
        i += 1;
    }
    table
};

impl SmallBlocks for Iq4Nl {
    const SIGNED: bool = true;

    #[inline(always)]
    fn strip<I: Isa>(isa: I, [first, second]: [&[u8]; 2], _: usize) -> I::Bytes {
        let (first, second): (&Block, &Block) = (bytemuck::from_bytes(first), bytemuck::from_bytes(second));
        isa.lookup(nibbles(isa, [&first.codes, &second.codes]), &TABLE)
    }

    #[inline(always)]
    fn scale(block: &[u8]) -> [u8; 2] {
        bytemuck::from_bytes::<Block>(block).d.bytes()
    }
}
