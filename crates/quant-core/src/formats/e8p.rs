//! E8P: eight weights in a codeword of 16 bits, a point of a shifted E8 lattice (QuIP#, Tseng et al. 2024,
//! arXiv:2402.04396). 2.0625 bits per weight.
//!
//! The points are those of D̂8 ± ¼, where D̂8 are the vectors of half-integers (±½, ±1½, …) with an even sum. A
//! codeword is the point's magnitudes before the shift (a [`patterns`] entry), seven signs, and the sign of the shift;
//! the eighth sign follows from the sum. The paper's figure for 2 bits; trellis codes of the same rate have less error.

mod encode;
mod patterns;

use crate::block::BlockFormat;
use crate::codec::BlockQuantizer;
use crate::formats::read_f16;
use crate::{QuantError, QuantizeOptions, StepSearch};
use domain_types::{QuantFormat, Quantizer, RowRule};
use patterns::PATTERNS;

/// Weights in a full block.
const BLOCK: usize = 256;

/// Weights of a codeword.
const GROUP: usize = 8;

/// Bytes of the scale.
const HEADER: usize = 2;

/// Layout: F16 s, then little-endian codewords; the last block of a row may have fewer.
pub(crate) struct E8p;

impl BlockFormat for E8p {
    const FORMAT: QuantFormat = QuantFormat::new(
        "e8p",
        BLOCK,
        HEADER + BLOCK / 4,
        RowRule::ShortTail { granule: GROUP, granule_bytes: 2, header_bytes: HEADER },
    );

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        let (header, words) = bytes.split_at(HEADER);
        let scale = read_f16(header);
        for (out, word) in out.as_chunks_mut().0.iter_mut().zip(words.as_chunks().0) {
            *out = quarters(u16::from_le_bytes(*word)).map(|q| scale * f32::from(q));
        }
    }
}

/// The point of a codeword in quarters, odd numbers from −11 to 11.
///
/// Bits 0 to 7 are the pattern, 8 to 14 the minus signs of the first seven weights; bit 15 shifts by −¼ instead of +¼.
#[inline]
fn quarters(word: u16) -> [i8; GROUP] {
    let pattern = PATTERNS[usize::from(word & 255)];
    let seven = word >> 8 & 127;
    let minus = seven | (u16::from(is_odd(pattern)) ^ (seven.count_ones() as u16 & 1)) << 7;
    let shift = if word >> 15 == 1 { -1 } else { 1 };
    std::array::from_fn(|i| if minus >> i & 1 == 1 { shift - 2 * pattern[i] } else { shift + 2 * pattern[i] })
}

/// Whether the magnitudes, in halves, have an odd sum: then the number of minus signs is odd, which makes it even.
const fn is_odd(pattern: [i8; GROUP]) -> bool {
    let (mut sum, mut i) = (0, 0);
    while i < GROUP {
        sum += pattern[i] as i32;
        i += 1;
    }
    sum / 2 % 2 == 1
}

/// The quantizer. The lattice is fixed, so constant and k have no meaning here.
#[expect(clippy::unnecessary_wraps, reason = "the signature of the table of formats")]
pub(crate) fn make(options: QuantizeOptions) -> Result<Box<dyn Quantizer>, QuantError> {
    Ok(Box::new(BlockQuantizer(encoder(options.step))))
}

fn encoder(step: StepSearch) -> encode::E8pEncoder {
    encode::E8pEncoder { step }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{codec_suites, gaussian_mse};
    use std::collections::HashSet;

    #[test]
    fn conformance() {
        codec_suites::<E8p, _>(&encoder(StepSearch::Mse), 0.1);
        codec_suites::<E8p, _>(&encoder(StepSearch::Rms), 0.11);
    }

    /// Every codeword is another point, and all are points of E8 + ¼: differences from the first have whole or half
    /// coordinates alike, with an even sum.
    #[test]
    fn codewords_are_distinct_points_of_the_lattice() {
        let points: HashSet<[i8; GROUP]> = (0..=u16::MAX).map(quarters).collect();
        assert_eq!(points.len(), 1 << 16);
        let first = quarters(0);
        for point in points {
            let difference: Vec<i32> =
                point.iter().zip(first).map(|(a, b)| i32::from(*a) - i32::from(b)).collect();
            let fraction = difference[0].rem_euclid(4);
            assert!(fraction % 2 == 0 && difference.iter().all(|d| d.rem_euclid(4) == fraction));
            assert_eq!(difference.iter().sum::<i32>() % 8, 0);
        }
    }

    /// QuIP# states 0.089 for one scale; a scale per block follows the block's own variance.
    #[test]
    fn error_on_normal_weights() {
        gaussian_mse(&encoder(StepSearch::Mse), 0.089, 0.02);
    }
}
