//! Half precision to single without a branch. The crate `half` asks the processor for an instruction each time and has
//! several branches where there is none, as in WebAssembly: for formats with a scale per 32 weights that is much of the
//! work.

use half::f16;

/// Bits by which single precision's mantissa is longer.
const MANTISSA: u32 = 23 - 10;
/// By how much its exponents are larger, in place.
const REBIAS: u32 = (127 - 15) << 23;
/// Below it, once shifted, are the subnormal halves.
const NORMAL: u32 = 1 << 23;
/// From here on, once shifted, are infinity and the NaNs.
const INFINITE: u32 = 0x7c00 << MANTISSA;

/// The same number in single precision, exactly.
#[inline(always)]
pub(crate) fn widen(half: f16) -> f32 {
    let bits = u32::from(half.to_bits());
    let magnitude = (bits & 0x7fff) << MANTISSA;
    let sign = (bits & 0x8000) << 16;
    let rebiased = magnitude + if magnitude < INFINITE { REBIAS } else { 2 * REBIAS };
    // A subnormal is what its mantissa adds to the least normal number.
    let least = REBIAS + NORMAL;
    let subnormal = (f32::from_bits(least + magnitude) - f32::from_bits(least)).to_bits();
    f32::from_bits(sign | if magnitude < NORMAL { subnormal } else { rebiased })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_is_itself() {
        for half in (0..=u16::MAX).map(f16::from_bits) {
            let (single, exact) = (widen(half), half.to_f32());
            assert!(
                single.to_bits() == exact.to_bits() || single.is_nan() && exact.is_nan(),
                "{half:?}: {single}"
            );
        }
    }
}
