//! Shared by the tests of the formats.

use crate::block::{BlockEncoder, BlockFormat};
use crate::codec::{BlockCodec, BlockQuantizer};
use domain_types::testing::{gaussian_like, quantizer_conformance, weight_codec_conformance};
use domain_types::{QuantTensor, QuantizeRequest, Quantizer, Shape};

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
