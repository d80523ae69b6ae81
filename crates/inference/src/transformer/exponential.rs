//! exp and what is made of it, without calls, so that loops over them vectorise (see [`vectorized`]).
//!
//! A library's exp takes 4 ns a number: in a small model a tenth of a token's time. Every processor gives the same bits.
//!
//! [`vectorized`]: crate::vectorized
#![expect(clippy::inline_always, reason = "only inlined into a vectorized! function do they vectorise")]

/// Below this, exp is as good as 0 and above the smallest normal number.
const LOWEST: f32 = -87.0;
/// 1.5·2²³: adding it leaves the nearest integer in the low bits of a float.
const ROUNDER: f32 = 12_582_912.0;
/// ln 2 in two parts, the first with so few bits that its multiples are exact.
const LN_2: (f32, f32) = (0.693_359_375, -2.121_944_4e-4);
/// Of the polynomial for exp on ±ln(2)/2, from Cephes (Moshier), highest power first.
const EXP: [f32; 6] = [1.987_569_2e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5];

/// exp(x) for x ≤ 0 within 2 units in the last place. NaN stays NaN.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let x = if x < LOWEST { LOWEST } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUNDER;
    let n = shifted - ROUNDER;
    let r = x - n * LN_2.0 - n * LN_2.1;
    let polynomial = EXP.iter().fold(0.0, |sum, c| sum * r + c);
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    (polynomial * r * r + r + 1.0) * power
}

/// 1 / (1 + exp(−x)). The exponential of −|x| serves both signs without overflow.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    let e = exp(-x.abs());
    let numerator = if x < 0.0 { e } else { 1.0 };
    numerator / (1.0 + e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_those_of_the_library() {
        for i in 0..=87_000 {
            let x = -(i as f32) / 1000.0;
            let expected = f64::from(x).exp();
            assert!((f64::from(exp(x)) / expected - 1.0).abs() < 2.4e-7, "exp({x}) = {}", exp(x));
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::NEG_INFINITY) < 2e-38 && exp(-1e9) >= 0.0);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn sigmoids_are_those_of_the_library() {
        for i in -80_000..=80_000 {
            let x = i as f32 / 1000.0;
            let expected = 1.0 / (1.0 + f64::from(-x).exp());
            assert!((f64::from(sigmoid(x)) / expected - 1.0).abs() < 4e-7, "sigmoid({x}) = {}", sigmoid(x));
        }
        assert_eq!((sigmoid(f32::INFINITY), sigmoid(1e30)), (1.0, 1.0));
        assert!(sigmoid(-1e30) < 2e-38 && sigmoid(f32::NAN).is_nan());
    }
}
