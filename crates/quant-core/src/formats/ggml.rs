//! What ggml's formats share: descriptors, and the fields of their blocks.

pub(crate) mod five_bits;
pub(crate) mod interleave;

use crate::isa::Isa;
use bytemuck::{Pod, Zeroable};
use domain_types::{QuantFormat, RowRule};

/// Weights in a block of the K-quants, the I-quants and the ternary formats.
pub(crate) const SUPER_BLOCK: usize = 256;

/// A format of ggml. Its block is `Block`, a struct of bytes in the order of the file, which gives the size.
pub(crate) const fn format<Block: Pod>(id: &'static str, ggml_type: u32, block_len: usize) -> QuantFormat {
    assert!(align_of::<Block>() == 1, "blocks lie at any address of a file");
    QuantFormat::new(id, block_len, size_of::<Block>(), RowRule::WholeBlocks).with_ggml_type(ggml_type)
}

/// An F16 of a block.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(transparent)]
pub(crate) struct Half([u8; 2]);

impl Half {
    /// The nearest finite F16: a scale must not become infinite.
    pub(crate) fn new(value: f32) -> Self {
        let mut bytes = [0; 2];
        super::write_f16(&mut bytes, value);
        Self(bytes)
    }

    /// As the file has it.
    #[inline(always)]
    pub(crate) fn bytes(self) -> [u8; 2] {
        self.0
    }

    /// The bytes of the negative number.
    #[inline(always)]
    pub(crate) fn negated(self) -> [u8; 2] {
        [self.0[0], self.0[1] ^ 0x80]
    }

    #[inline(always)]
    pub(crate) fn get(self) -> f32 {
        super::read_f16(&self.0)
    }
}

/// What a decoder reads after [`Half::new`]`(value)`.
pub(crate) fn round_f16(value: f32) -> f32 {
    Half::new(value).get()
}

/// The 32 codes of 4 bits in 16 bytes of two rows: low nibbles, then high ones.
#[inline(always)]
pub(crate) fn nibbles<I: Isa>(isa: I, rows: [&[u8; 16]; 2]) -> I::Bytes {
    let both = isa.half(rows);
    isa.mask(isa.join(both, isa.shr_half(both, 4)), 15)
}

/// `slice` as an array of the length that its block has.
pub(crate) fn array<T, const N: usize>(slice: &[T]) -> &[T; N] {
    slice.try_into().expect("callers pass whole blocks")
}

/// `slice` as an array of the length that its block has.
pub(crate) fn array_mut<T, const N: usize>(slice: &mut [T]) -> &mut [T; N] {
    slice.try_into().expect("callers pass whole blocks")
}
