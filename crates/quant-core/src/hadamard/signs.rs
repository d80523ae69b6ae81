//! Random signs before the transform.

use super::transform;
use crate::QuantError;

/// The rotation x ↦ H·S·x: signs S = diag(±1) from a seed, then the Hadamard transform of each block.
///
/// Without signs a constant vector would become one large entry; with them no fixed input is bad except with small
/// probability (QuIP#, arXiv:2402.04396, Lemma 3.1). Nothing is stored but block length and seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedHadamard {
    block: usize,
    seed: u64,
}

impl SignedHadamard {
    /// A rotation of vectors whose length is a multiple of `block`; fails where that is not a power of two.
    pub fn new(block: usize, seed: u64) -> Result<Self, QuantError> {
        if !block.is_power_of_two() {
            return Err(QuantError::HadamardBlock { block });
        }
        Ok(Self { block, seed })
    }

    /// Numbers that are mixed with each other.
    pub fn block(&self) -> usize {
        self.block
    }

    /// What the signs are made from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// x ← H·S·x
    ///
    /// # Panics
    /// If the length is not a multiple of the block.
    pub fn forward(&self, x: &mut [f32]) {
        self.flip(x);
        transform(x, self.block);
    }

    /// x ← S·H·x, which undoes [`forward`](Self::forward).
    ///
    /// # Panics
    /// If the length is not a multiple of the block.
    pub fn inverse(&self, x: &mut [f32]) {
        transform(x, self.block);
        self.flip(x);
    }

    /// x ← S·x. Entry i is negated where bit i mod 64 of the seed's random word ⌊i/64⌋ is set.
    fn flip(&self, x: &mut [f32]) {
        for (index, piece) in (1..).zip(x.chunks_mut(64)) {
            let word = random_word(self.seed, index);
            for (bit, x) in piece.iter_mut().enumerate() {
                *x = f32::from_bits(x.to_bits() ^ ((word >> bit) as u32) << 31);
            }
        }
    }
}

/// The `index`-th output, from 1, of SplitMix64 (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195).
fn random_word(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_words_are_splitmix64s() {
        // The reference implementation's first outputs for seed 1234567 (Vigna, splitmix64.c).
        let expected = [6457827717110365317, 3203168211198807973, 9817491932198370423];
        assert_eq!([1, 2, 3].map(|i| random_word(1234567, i)), expected);
    }
}
