//! The codebooks, expanded from their packed form at compile time.

mod iq1_s;
mod iq2_s;
mod iq2_xs;
mod iq2_xxs;
mod iq3_s;
mod iq3_xxs;

/// Magnitudes of the 2-bit formats.
const IQ2_VALUES: [i8; 3] = [8, 25, 43];

/// IQ1_S and IQ1_M.
pub(crate) static IQ1: [[i8; 8]; 2048] = expand(&iq1_s::PACKED, &[-1, 0, 1]);

pub(crate) static IQ2_XXS: [[i8; 8]; 256] = expand(&iq2_xxs::PACKED, &IQ2_VALUES);
pub(crate) static IQ2_XS: [[i8; 8]; 512] = expand(&iq2_xs::PACKED, &IQ2_VALUES);
pub(crate) static IQ2_S: [[i8; 8]; 1024] = expand(&iq2_s::PACKED, &IQ2_VALUES);

pub(crate) static IQ3_XXS: [[i8; 4]; 256] = expand(&iq3_xxs::PACKED, &[4, 12, 20, 28, 36, 44, 52, 62]);
pub(crate) static IQ3_S: [[i8; 4]; 512] = expand(&iq3_s::PACKED, &[1, 3, 5, 7, 9, 11, 13, 15]);

/// Entries of `N` values from entries of `N` indices of `16 / N` bits, the first value's lowest.
const fn expand<const N: usize, const LEN: usize>(packed: &[u16; LEN], values: &[i8]) -> [[i8; N]; LEN] {
    let bits = 16 / N;
    let mut entries = [[0; N]; LEN];
    let mut at = 0;
    while at < LEN * N {
        let index = packed[at / N] >> (at % N * bits) & ((1 << bits) - 1);
        entries[at / N][at % N] = values[index as usize];
        at += 1;
    }
    entries
}
