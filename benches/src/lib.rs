//! What the benchmarks share. Run them with `cargo xtask bench`.

use domain_types::{QuantTensor, QuantizeRequest, Shape};
use quant_core::{QuantizeOptions, quantizer};

/// Formats that are measured: each bit width, ours and ggml's.
pub const FORMATS: [&str; 10] = ["f16", "q8_0", "q4_0", "q4_k", "q3_k", "q2_k", "piq3", "piq2", "pit", "nf4"];

/// A matrix of weights that look normal, from a fixed multiplicative generator.
///
/// # Panics
/// If a dimension is zero.
pub fn weights(rows: usize, row_len: usize) -> (Shape, Vec<f32>) {
    let shape = Shape::matrix(rows, row_len).expect("benchmarks use usable shapes");
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as f32 / (1_u64 << 24) as f32
    };
    let values = (0..shape.elements()).map(|_| (0..4).map(|_| uniform()).sum::<f32>() - 2.0).collect();
    (shape, values)
}

/// The same matrix in a format, with default options.
///
/// # Panics
/// If the format cannot be made or cannot hold the rows.
pub fn quantized(format: &str, rows: usize, row_len: usize) -> QuantTensor {
    let (shape, values) = weights(rows, row_len);
    let request = QuantizeRequest::new(&values, shape).expect("the weights are finite");
    let quantizer = quantizer(format, &QuantizeOptions::default()).expect("the format can be made");
    quantizer.quantize(&request).expect("the rows fit")
}
