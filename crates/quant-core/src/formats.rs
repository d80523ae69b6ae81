//! The weight formats, a module each: descriptor and decoder in the file, encoder and tables in its folder.

pub(crate) mod e8p;
pub(crate) mod fit;
pub(crate) mod float;
pub(crate) mod ggml;
pub(crate) mod i_quant;
pub(crate) mod iq1_m;
pub(crate) mod iq1_s;
pub(crate) mod iq2_s;
pub(crate) mod iq2_xs;
pub(crate) mod iq2_xxs;
pub(crate) mod iq3_s;
pub(crate) mod iq3_xxs;
pub(crate) mod iq4_nl;
pub(crate) mod iq4_xs;
pub(crate) mod k_quant;
pub(crate) mod km;
pub(crate) mod nf;
pub(crate) mod piq;
pub(crate) mod pit;
pub(crate) mod q2_k;
pub(crate) mod q3_k;
pub(crate) mod q4_0;
pub(crate) mod q4_1;
pub(crate) mod q4_k;
pub(crate) mod q5_0;
pub(crate) mod q5_1;
pub(crate) mod q5_k;
pub(crate) mod q6_k;
pub(crate) mod q8_0;
pub(crate) mod ternary;
pub(crate) mod tq1_0;
pub(crate) mod tq2_0;
pub(crate) mod trellis;
pub(crate) mod uq;

use domain_types::scalar::f16_to_f32;

/// The F16 at the start of `bytes`.
#[inline(always)]
pub(crate) fn read_f16(bytes: &[u8]) -> f32 {
    f16_to_f32(u16::from_le_bytes([bytes[0], bytes[1]]))
}

/// Writes `value` as an F16 at the start of `bytes`, clamped to the finite range: a scale must not become infinite.
/// Returns the value that will be read back.
pub(crate) fn write_f16(bytes: &mut [u8], value: f32) -> f32 {
    let kept = half::f16::from_f32(value.clamp(-65504.0, 65504.0));
    bytes[..2].copy_from_slice(&kept.to_le_bytes());
    kept.to_f32()
}
