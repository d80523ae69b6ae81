//! Shared by the tests of the formats.

use crate::block::{BlockEncoder, BlockFormat};
use crate::codec::{BlockCodec, BlockQuantizer};
use domain_types::testing::{gaussian_like, quantizer_conformance, weight_codec_conformance};
use domain_types::{QuantTensor, QuantizeRequest, Quantizer, Shape, WeightCodec};

/// `#[test]` of those tests that a browser runs as well: `cargo xtask test-web`.
#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
pub(crate) use std::prelude::v1::test as test_everywhere;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub(crate) use wasm_bindgen_test::wasm_bindgen_test as test_everywhere;

/// Runs the conformance suites of codec, linear layer and quantizer.
pub(crate) fn codec_suites<F: BlockFormat, E: BlockEncoder<Format = F> + Clone>(
    encoder: &E,
    max_relative_mse: f64,
) {
    let quantizer = BlockQuantizer(encoder.clone());
    weight_codec_conformance(&BlockCodec::<F>::NEW, &sample::<F, E>(&quantizer));
    quantizer_conformance(&quantizer, &BlockCodec::<F>::NEW, max_relative_mse);
}

/// A small quantized matrix of normal weights.
fn sample<F: BlockFormat, E: BlockEncoder<Format = F>>(quantizer: &BlockQuantizer<E>) -> QuantTensor {
    let row_len = F::FORMAT.block_len() * 2 + F::FORMAT.row_multiple() % F::FORMAT.block_len();
    let shape = Shape::matrix(9, row_len).expect("usable");
    let weights = gaussian_like(7, shape.elements());
    quantizer.quantize(&QuantizeRequest::new(&weights, shape).expect("finite")).expect("rows fit")
}

/// Checks the error of an encoder on a quarter of a million unit normal weights, in full blocks, against a figure
/// known from elsewhere; `tolerance` is relative.
pub(crate) fn gaussian_mse<E: BlockEncoder + Clone>(encoder: &E, expected: f64, tolerance: f64) {
    let mse = normal_mse(encoder, None);
    assert!((mse / expected - 1.0).abs() < tolerance, "mean squared error {mse:.5}, expected {expected}");
}

/// The mean squared error on unit normal weights.
pub(crate) fn normal_mse<E: BlockEncoder + Clone>(encoder: &E, importance: Option<&[f32]>) -> f64 {
    let shape = Shape::matrix(256, 1024).expect("usable");
    let weights = normal(shape.elements());
    let mut request = QuantizeRequest::new(&weights, shape).expect("finite");
    if let Some(importance) = importance {
        request = request.with_importance(importance).expect("valid");
    }
    let tensor = BlockQuantizer(encoder.clone()).quantize(&request).expect("rows fit");
    let mut decoded = vec![0.0; weights.len()];
    BlockCodec::<E::Format>::NEW.decode(tensor.view(), &mut decoded).expect("own bytes decode");
    let error = weights.iter().zip(&decoded).map(|(a, b)| f64::from(a - b).powi(2));
    error.sum::<f64>() / weights.len() as f64
}

/// Normal numbers of unit variance by the method of Box and Muller: unlike sums of uniforms their tails are right,
/// which absmax scales depend on.
pub(crate) fn normal(n: usize) -> Vec<f32> {
    let mut state = 0x5EED_u64;
    let mut uniform = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..n)
        .map(|_| (-2.0 * (1.0 - uniform()).ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos())
        .map(|x| x as f32)
        .collect()
}
