//! What the I-quants share: groups of weights are entries of a codebook ([`grid`]), with signs stored apart.
//!
//! The codebooks are subsets of the E8 and D4 lattices, chosen for llama.cpp (pull requests 4773, 4856, 5196, 5453, 5676,
//! 5721, 5999, 6302).

mod codebook;
pub(crate) mod grid;
mod search;

pub(crate) use codebook::{Codebook, Part};
pub(crate) use search::Lattice;

/// The signs of eight weights from the seven stored bits: the number of minus signs is even.
#[inline]
pub(crate) fn even_signs(seven: u32) -> u8 {
    let seven = (seven & 127) as u8;
    seven | ((seven.count_ones() as u8 & 1) << 7)
}

/// Writes `step · entry`, negated where `signs` has a bit (the first weight's lowest).
#[inline]
pub(crate) fn write_signed<const N: usize>(step: f32, entry: &[i8; N], signs: u8, out: &mut [f32; N]) {
    for (i, (out, value)) in out.iter_mut().zip(entry).enumerate() {
        let minus = u32::from((signs >> i) & 1) << 31;
        *out = f32::from_bits((step * f32::from(*value)).to_bits() ^ minus);
    }
}

/// Writes `step · (entry ± ⅛)`.
#[inline]
pub(crate) fn write_shifted(step: f32, entry: [i8; 8], down: bool, out: &mut [f32; 8]) {
    let shift = if down { -0.125 } else { 0.125 };
    for (out, value) in out.iter_mut().zip(entry) {
        *out = step * (f32::from(value) + shift);
    }
}

/// Nibble `i` of `bytes`, low nibbles first.
#[inline]
pub(crate) fn nibble(bytes: &[u8], i: usize) -> u8 {
    (bytes[i / 2] >> (4 * (i % 2))) & 15
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_even() {
        for seven in 0..128 {
            let signs = even_signs(seven);
            assert_eq!((signs.count_ones() % 2, u32::from(signs) & 127), (0, seven));
        }
    }
}
