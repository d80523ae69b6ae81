//! Integer products with NF2, NF3 and NF4: levels as signed bytes, found by a byte shuffle.
//!
//! A level is off by at most 1/254 of the largest, far below the distance of levels.

use super::levels::{NF2_LEVELS, NF3_LEVELS, NF4_LEVELS};
use super::{Nf2, Nf3, Nf4};
use crate::grid::{GridFormat, HEADER};
use crate::isa::Isa;
use crate::kernel::short::strip_of_plane;
use crate::kernel::small_blocks::SmallBlocks;

/// What a level of 1 is in the tables.
const ONE: f32 = 127.0;
/// What a byte of the tables counts.
const UNIT: f32 = 1.0 / ONE;

/// Levels × 127, rounded.
const fn table<const N: usize>(levels: &[f32; N]) -> [u8; 16] {
    let mut table = [0; 16];
    let mut i = 0;
    while i < N {
        let level = levels[i] * ONE;
        table[i] = (if level < 0.0 { level - 0.5 } else { level + 0.5 }) as i8 as u8;
        i += 1;
    }
    table
}

const NF2: [u8; 16] = table(&NF2_LEVELS);
const NF3: [u8; 16] = table(&NF3_LEVELS);
const NF4: [u8; 16] = table(&NF4_LEVELS);

/// The levels' bytes for strip `index` of two rows' blocks of codes.
#[inline(always)]
fn levels<F: GridFormat, I: Isa>(isa: I, blocks: [&[u8]; 2], index: usize, table: &[u8; 16]) -> I::Bytes {
    let codes = [&blocks[0][HEADER..], &blocks[1][HEADER..]];
    let codes = match F::BITS {
        2 => strip_of_plane::<2, I>(isa, codes, index),
        4 => strip_of_plane::<4, I>(isa, codes, index),
        _ => {
            let (first, second) =
                (codes[0].split_at(codes[0].len() * 2 / 3), codes[1].split_at(codes[1].len() * 2 / 3));
            let high = strip_of_plane::<1, I>(isa, [first.1, second.1], index);
            let high = isa.mask(isa.shl(high, 2), 4);
            isa.or(strip_of_plane::<2, I>(isa, [first.0, second.0], index), high)
        }
    };
    isa.lookup(codes, table)
}

impl SmallBlocks for Nf2 {
    const SIGNED: bool = true;
    const UNIT: f32 = UNIT;

    #[inline(always)]
    fn strip<I: Isa>(isa: I, blocks: [&[u8]; 2], index: usize) -> I::Bytes {
        levels::<Self, I>(isa, blocks, index, &NF2)
    }

    #[inline(always)]
    fn scale(block: &[u8]) -> [u8; 2] {
        [block[0], block[1]]
    }
}

impl SmallBlocks for Nf3 {
    const SIGNED: bool = true;
    const UNIT: f32 = UNIT;

    #[inline(always)]
    fn strip<I: Isa>(isa: I, blocks: [&[u8]; 2], index: usize) -> I::Bytes {
        levels::<Self, I>(isa, blocks, index, &NF3)
    }

    #[inline(always)]
    fn scale(block: &[u8]) -> [u8; 2] {
        [block[0], block[1]]
    }
}

impl SmallBlocks for Nf4 {
    const SIGNED: bool = true;
    const UNIT: f32 = UNIT;

    #[inline(always)]
    fn strip<I: Isa>(isa: I, blocks: [&[u8]; 2], index: usize) -> I::Bytes {
        levels::<Self, I>(isa, blocks, index, &NF4)
    }

    #[inline(always)]
    fn scale(block: &[u8]) -> [u8; 2] {
        [block[0], block[1]]
    }
}
