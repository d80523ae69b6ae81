//! Random signs.
//!
//! Without them a constant vector would become one large entry; with them no fixed input is bad except with small
//! probability (QuIP#, Tseng et al. 2024, arXiv:2402.04396, Lemma 3.1).

/// ±1 for each of `n` entries: entry i is negative where bit i mod 64 of the seed's random word ⌊i/64⌋ is set.
pub(super) fn random_signs(seed: u64, n: usize) -> Vec<f32> {
    let words = (1..).map(|index| random_word(seed, index));
    let signs = words.flat_map(|word| (0..64).map(move |bit| if word >> bit & 1 == 0 { 1.0 } else { -1.0 }));
    signs.take(n).collect()
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

    /// The reference implementation's first outputs for seed 1234567 (Vigna, splitmix64.c).
    const REFERENCE: [u64; 3] = [6457827717110365317, 3203168211198807973, 9817491932198370423];

    #[test]
    fn random_words_are_splitmix64s() {
        assert_eq!([1, 2, 3].map(|i| random_word(1234567, i)), REFERENCE);
    }

    #[test]
    fn signs_never_change() {
        let signs = random_signs(1234567, 150);
        assert_eq!(signs.len(), 150);
        for (i, sign) in signs.into_iter().enumerate() {
            assert_eq!(sign < 0.0, REFERENCE[i / 64] >> (i % 64) & 1 == 1, "entry {i}");
        }
    }
}
