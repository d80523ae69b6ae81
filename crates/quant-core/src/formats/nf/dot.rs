//! Integer products with NF2, NF3 and NF4: levels as signed bytes, found by a byte shuffle.
//!
//! A level is off by at most 1/254 of the largest, far below the distance of levels.

use super::levels::{NF2_LEVELS, NF3_LEVELS, NF4_LEVELS};
use super::{Nf2, Nf3, Nf4};
use crate::formats::read_f16;
use crate::grid::{GridFormat, HEADER};
use crate::isa::{Isa, STRIP};
use crate::kernel::small_blocks::SmallBlocks;
use crate::planes::read_codes;

/// What a byte of the tables counts.
const UNIT: f32 = 127.0;

/// Levels × 127, rounded.
const fn table<const N: usize>(levels: &[f32; N]) -> [u8; 16] {
    let mut table = [0; 16];
    let mut i = 0;
    while i < N {
        let level = levels[i] * UNIT;
        table[i] = (if level < 0.0 { level - 0.5 } else { level + 0.5 }) as i8 as u8;
        i += 1;
    }
    table
}

const NF2: [u8; 16] = table(&NF2_LEVELS);
const NF3: [u8; 16] = table(&NF3_LEVELS);
const NF4: [u8; 16] = table(&NF4_LEVELS);

#[inline(always)]
fn scale(block: &[u8]) -> f32 {
    read_f16(block) * UNIT.recip()
}

/// Bytes of a full block's codes.
const TWO_BITS: usize = 16;
const THREE_BITS: usize = TWO_BITS + 8;
const FOUR_BITS: usize = 32;

/// The codes of two rows' blocks, where they are full.
#[inline(always)]
fn full<const N: usize>(blocks: [&[u8]; 2]) -> Option<[&[u8; N]; 2]> {
    Some([blocks[0][HEADER..].try_into().ok()?, blocks[1][HEADER..].try_into().ok()?])
}

/// The codes of a short block, which has one strip.
fn short<F: GridFormat, I: Isa>(isa: I, blocks: [&[u8]; 2]) -> I::Bytes {
    let mut codes = [[0; STRIP]; 2];
    for (codes, block) in codes.iter_mut().zip(blocks) {
        read_codes(F::BITS, &block[HEADER..], codes);
    }
    isa.bytes([&codes[0], &codes[1]])
}

/// Strip `index` of a plane of 2-bit codes, one group of 16 bytes.
#[inline(always)]
fn pairs<I: Isa>(isa: I, rows: [&[u8; 16]; 2], index: usize) -> I::Bytes {
    let all = isa.half(rows);
    let low = isa.shr_half(all, 4 * index as u32);
    isa.mask(isa.join(low, isa.shr_half(low, 2)), 3)
}

/// Strip `index` of a plane of single bits, one group of 8 bytes; at bit 2.
#[inline(always)]
fn third_bits(group: &[u8; 8], index: usize) -> [u8; STRIP] {
    let group = u64::from_le_bytes(*group) >> (4 * index);
    let mut bytes = [0; STRIP];
    for (shift, bytes) in bytes.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        *bytes = ((group >> shift & 0x0101_0101_0101_0101) << 2).to_le_bytes();
    }
    bytes
}

impl SmallBlocks for Nf2 {
    const SIGNED: bool = true;

    #[inline(always)]
    fn strip<I: Isa>(isa: I, blocks: [&[u8]; 2], index: usize) -> I::Bytes {
        let codes = match full::<TWO_BITS>(blocks) {
            Some(rows) => pairs(isa, rows, index),
            None => short::<Self, I>(isa, blocks),
        };
        isa.lookup(codes, &NF2)
    }

    #[inline(always)]
    fn scale(block: &[u8]) -> f32 {
        scale(block)
    }
}

impl SmallBlocks for Nf3 {
    const SIGNED: bool = true;

    #[inline(always)]
    fn strip<I: Isa>(isa: I, blocks: [&[u8]; 2], index: usize) -> I::Bytes {
        let Some([first, second]) = full::<THREE_BITS>(blocks) else {
            return isa.lookup(short::<Self, I>(isa, blocks), &NF3);
        };
        let split = |row: &'_ [u8; THREE_BITS]| -> ([u8; 16], [u8; 8]) {
            (*row.first_chunk().expect("16 of 24"), *row.last_chunk().expect("8 of 24"))
        };
        let ((low, high), (other_low, other_high)) = (split(first), split(second));
        let high = isa.bytes([&third_bits(&high, index), &third_bits(&other_high, index)]);
        isa.lookup(isa.or(pairs(isa, [&low, &other_low], index), high), &NF3)
    }

    #[inline(always)]
    fn scale(block: &[u8]) -> f32 {
        scale(block)
    }
}

impl SmallBlocks for Nf4 {
    const SIGNED: bool = true;

    #[inline(always)]
    fn strip<I: Isa>(isa: I, blocks: [&[u8]; 2], index: usize) -> I::Bytes {
        let codes = match full::<FOUR_BITS>(blocks) {
            Some(rows) => isa.mask(isa.shr(isa.bytes(rows), 4 * index as u32), 15),
            None => short::<Self, I>(isa, blocks),
        };
        isa.lookup(codes, &NF4)
    }

    #[inline(always)]
    fn scale(block: &[u8]) -> f32 {
        scale(block)
    }
}
