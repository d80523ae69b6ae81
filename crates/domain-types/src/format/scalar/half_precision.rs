//! What the bits of an F16 mean, without a branch, so that loops over them vectorise. The crate `half` asks the processor
//! for an instruction at every call, and has branches where there is none, as in WebAssembly.

/// Bits by which single precision's mantissa is longer.
const MANTISSA: u32 = 23 - 10;
/// By how much its exponents are larger, in place.
const REBIAS: u32 = (127 - 15) << 23;
/// Below it, once shifted, are the subnormal halves.
const NORMAL: u32 = 1 << 23;
/// From here on, once shifted, are infinity and the NaNs.
const INFINITE: u32 = 0x7c00 << MANTISSA;

/// The F32 equal to an F16 (IEEE 754 half precision). NaNs keep sign and payload.
#[inline(always)]
pub fn f16_to_f32(bits: u16) -> f32 {
    let bits = u32::from(bits);
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

    /// The standard's definition.
    fn by_definition(bits: u16) -> f32 {
        let (exponent, mantissa) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
        let magnitude = match exponent {
            0 => mantissa * 2_f32.powi(-24),
            31 if mantissa == 0.0 => f32::INFINITY,
            31 => f32::NAN,
            _ => (1024.0 + mantissa) * 2_f32.powi(exponent - 25),
        };
        if bits >> 15 == 1 { -magnitude } else { magnitude }
    }

    #[test]
    fn every_half_is_itself() {
        for bits in 0..=u16::MAX {
            let (single, exact) = (f16_to_f32(bits), by_definition(bits));
            assert!(
                single.to_bits() == exact.to_bits() || single.is_nan() && exact.is_nan(),
                "{bits:#x}: {single}"
            );
        }
    }
}
