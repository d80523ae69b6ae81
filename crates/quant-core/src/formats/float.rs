//! F32, F16 and BF16: no block, no scale.

use crate::block::{BlockEncoder, BlockFormat};
use domain_types::{QuantFormat, scalar};

/// One weight as an F32.
#[derive(Clone, Default)]
pub(crate) struct F32;

impl BlockFormat for F32 {
    const FORMAT: QuantFormat = scalar::F32;

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        out[0] = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
}

impl BlockEncoder for F32 {
    type Format = Self;

    fn encode_block(&self, weights: &[f32], _: Option<&[f32]>, bytes: &mut [u8]) {
        bytes.copy_from_slice(&weights[0].to_le_bytes());
    }
}

/// One weight as an F16.
#[derive(Clone, Default)]
pub(crate) struct F16;

impl BlockFormat for F16 {
    const FORMAT: QuantFormat = scalar::F16;

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        out[0] = super::read_f16(bytes);
    }
}

impl BlockEncoder for F16 {
    type Format = Self;

    fn encode_block(&self, weights: &[f32], _: Option<&[f32]>, bytes: &mut [u8]) {
        super::write_f16(bytes, weights[0]);
    }
}

/// One weight as a BF16.
#[derive(Clone, Default)]
pub(crate) struct Bf16;

impl BlockFormat for Bf16 {
    const FORMAT: QuantFormat = scalar::BF16;

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        out[0] = half::bf16::from_le_bytes([bytes[0], bytes[1]]).to_f32();
    }
}

impl BlockEncoder for Bf16 {
    type Format = Self;

    fn encode_block(&self, weights: &[f32], _: Option<&[f32]>, bytes: &mut [u8]) {
        bytes.copy_from_slice(&half::bf16::from_f32(weights[0]).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::codec_suites;

    #[test]
    fn conformance() {
        codec_suites::<F32, F32>(&F32, 0.0);
        codec_suites::<F16, F16>(&F16, 1e-6);
        codec_suites::<Bf16, Bf16>(&Bf16, 1e-5);
    }
}
