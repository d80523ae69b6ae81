//! Suites for [`WeightCodec`] and [`Linear`].

use super::{DenseLinear, gaussian_like};
use crate::{Linear, QuantTensor, Shape, WeightCodec, scalar};
use alloc::vec;
use alloc::vec::Vec;

/// Runs a codec over `tensor`, a matrix of its own format: decoding checks its arguments, is repeatable, and agrees
/// with the linear layer. Then any bytes must decode without a panic.
pub fn weight_codec_conformance(codec: &dyn WeightCodec, tensor: &QuantTensor) {
    assert_eq!(codec.format(), *tensor.format(), "the test tensor must have the codec's format");
    let shape = *tensor.shape();
    let mut first = vec![f32::NAN; shape.elements()];
    codec.decode(tensor.view(), &mut first).expect("a valid tensor decodes");
    let mut second = vec![0.0; shape.elements()];
    codec.decode(tensor.view(), &mut second).expect("a valid tensor decodes twice");
    assert!(first.iter().zip(&second).all(|(a, b)| a.to_bits() == b.to_bits()), "decode must be repeatable");

    codec.decode(tensor.view(), &mut second[1..]).expect_err("a wrong output length is an error");
    let wrong = if codec.format() == scalar::F32 { scalar::I32 } else { scalar::F32 };
    let other = QuantTensor::new(wrong, Shape::matrix(1, 2).expect("usable"), vec![0; 8]).expect("8 bytes");
    codec.decode(other.view(), &mut [0.0; 2]).expect_err("another format is an error");

    rescaled_blocks_decode_scaled(codec, tensor, &first);
    let linear = codec.linear(tensor.clone()).expect("a matrix makes a linear layer");
    linear_conformance(&*linear, &first);
    any_bytes_decode(codec, tensor);
}

/// A format that can change the scales of its blocks changes nothing else.
fn rescaled_blocks_decode_scaled(codec: &dyn WeightCodec, tensor: &QuantTensor, decoded: &[f32]) {
    let shape = tensor.shape();
    let block_len = codec.format().block_len();
    let blocks = shape.rows() * shape.row_len().div_ceil(block_len);
    // Powers of two, so that nothing is rounded.
    let factors: Vec<f32> = (0..blocks).map(|at| if at % 3 == 0 { 2.0 } else { 1.0 }).collect();
    let Ok(rescaled) = codec.rescale(tensor.view(), &factors) else { return };
    codec.rescale(tensor.view(), &factors[1..]).expect_err("a factor is missing");
    let mut out = vec![0.0; shape.elements()];
    codec.decode(rescaled.view(), &mut out).expect("a rescaled tensor decodes");
    let rows = out.chunks(shape.row_len()).zip(decoded.chunks(shape.row_len()));
    let found = rows.flat_map(|(out, decoded)| out.chunks(block_len).zip(decoded.chunks(block_len)));
    for ((out, decoded), factor) in found.zip(&factors) {
        assert!(
            out.iter().zip(decoded).all(|(out, w)| *out == factor * w),
            "{out:?} is {factor} times {decoded:?}"
        );
    }
}

fn any_bytes_decode(codec: &dyn WeightCodec, tensor: &QuantTensor) {
    let mut out = vec![0.0; tensor.shape().elements()];
    for pattern in [0x00_u8, 0xFF, 0x7F, 0x80, 0xA5] {
        let bytes: Vec<u8> = vec![pattern; tensor.bytes().len()];
        let t = QuantTensor::new(*tensor.format(), *tensor.shape(), bytes).expect("same length");
        codec.decode(t.view(), &mut out).expect("decode is total over bytes");
    }
}

/// Compares a linear layer with F64 sums over its decoded weights: rows exactly, products within 10⁻⁴ of the terms'
/// absolute sum.
pub fn linear_conformance(linear: &dyn Linear, weights: &[f32]) {
    let (n, m) = (linear.in_features(), linear.out_features());
    assert_eq!(n * m, weights.len(), "in × out must be the number of weights");
    let mut row = vec![0.0; n];
    for index in [0, m / 2, m - 1] {
        linear.row(index, &mut row);
        assert_eq!(row, weights[index * n..(index + 1) * n], "row {index}");
    }
    let oracle = DenseLinear::new(weights.to_vec(), n);
    for tokens in [1, 2, 5, 9] {
        let x = gaussian_like(tokens as u64, tokens * n);
        let (mut expected, mut actual) = (vec![0.0; tokens * m], vec![f32::NAN; tokens * m]);
        oracle.matmul(&x, tokens, &mut expected);
        linear.matmul(&x, tokens, &mut actual);
        close(&x, weights, &expected, &actual, n, m);
        if tokens == 1 {
            actual.fill(f32::NAN);
            linear.matvec(&x, &mut actual);
            close(&x, weights, &expected, &actual, n, m);
        }
    }
}

fn close(x: &[f32], weights: &[f32], expected: &[f32], actual: &[f32], n: usize, m: usize) {
    for (at, (e, a)) in expected.iter().zip(actual).enumerate() {
        let (token, out) = (at / m, at % m);
        let terms = weights[out * n..(out + 1) * n].iter().zip(&x[token * n..(token + 1) * n]);
        let scale: f32 = terms.map(|(w, x)| (w * x).abs()).sum();
        assert!((e - a).abs() <= 1e-4 * scale + 1e-30, "token {token}, output {out}: {a}, expected {e}");
    }
}
