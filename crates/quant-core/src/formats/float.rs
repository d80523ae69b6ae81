//! F32, F16 and BF16: no block, no scale.

use crate::block::{BlockEncoder, BlockFormat};
use crate::halves::widen_row;
use domain_types::{QuantFormat, scalar};

/// One weight as an F32.
#[derive(Clone, Default)]
pub(crate) struct F32;

impl BlockFormat for F32 {
    const FORMAT: QuantFormat = scalar::F32;

    fn decode_block(bytes: &[u8], out: &mut [f32]) {
        out[0] = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }

    fn decode_row(bytes: &[u8], out: &mut [f32]) {
        for (out, b) in out.iter_mut().zip(bytes.chunks_exact(4)) {
            *out = f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        }
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

    fn decode_row(bytes: &[u8], out: &mut [f32]) {
        widen_row(bytes, out);
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

    fn decode_row(bytes: &[u8], out: &mut [f32]) {
        for (out, b) in out.iter_mut().zip(bytes.chunks_exact(2)) {
            *out = half::bf16::from_le_bytes([b[0], b[1]]).to_f32();
        }
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

    /// Whole rows take another way than single weights.
    fn rows_decode_as_their_weights<F: BlockFormat>() {
        let size = F::FORMAT.block_bytes();
        for n in [1, 63, 64, 65, 130] {
            let bytes: Vec<u8> = (0..n * size).map(|i| (i * 89 % 251) as u8).collect();
            let (mut row, mut one) = (vec![0.0; n], [0.0]);
            F::decode_row(&bytes, &mut row);
            for (weight, bytes) in row.iter().zip(bytes.chunks(size)) {
                F::decode_block(bytes, &mut one);
                assert_eq!(weight.to_bits(), one[0].to_bits());
            }
        }
    }

    #[test]
    fn rows_and_weights_agree() {
        rows_decode_as_their_weights::<F32>();
        rows_decode_as_their_weights::<F16>();
        rows_decode_as_their_weights::<Bf16>();
    }
}
