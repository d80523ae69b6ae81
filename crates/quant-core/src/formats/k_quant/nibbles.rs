//! Loading the codes of Q4_K and Q5_K for integer products.

use crate::isa::{Isa, STRIP};

/// 32 bytes of 128: the low nibbles are strip 2·`chunk`, the high ones the strip after it.
#[inline(always)]
pub(crate) fn chunk(codes: &[u8; 128], chunk: usize) -> &[u8; STRIP] {
    codes[chunk * STRIP..][..STRIP].try_into().expect("32 of 128 bytes")
}

/// The low four bits of the codes of strip `k`.
#[inline(always)]
pub(crate) fn strip<I: Isa>(isa: I, [first, second]: [&[u8; 128]; 2], k: usize) -> I::Bytes {
    let both = isa.bytes([chunk(first, k / 2), chunk(second, k / 2)]);
    isa.mask(isa.shr(both, 4 * (k as u32 % 2)), 15)
}
