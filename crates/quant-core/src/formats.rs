//! The weight formats, a module each: descriptor and decoder in the file, encoder and tables in its folder.

pub(crate) mod float;
pub(crate) mod q8_0;

/// The F16 at the start of `bytes`.
pub(crate) fn read_f16(bytes: &[u8]) -> f32 {
    half::f16::from_le_bytes([bytes[0], bytes[1]]).to_f32()
}

/// Writes `value` as an F16 at the start of `bytes`, clamped to the finite range: a scale must not become infinite.
/// Returns the value that will be read back.
pub(crate) fn write_f16(bytes: &mut [u8], value: f32) -> f32 {
    let kept = half::f16::from_f32(value.clamp(-65504.0, 65504.0));
    bytes[..2].copy_from_slice(&kept.to_le_bytes());
    kept.to_f32()
}
