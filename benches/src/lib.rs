//! What the benchmarks share. Run them with `cargo xtask bench`.

use domain_types::{QuantTensor, QuantizeRequest, Shape};
use quant_core::{QuantizeOptions, quantizer};

/// Formats that are measured: each bit width, ours and ggml's.
pub const FORMATS: [&str; 16] = [
    "f16", "q8_0", "q4_0", "q4_1", "q6_k", "q4_k", "q3_k", "q2_k", "tq2_0", "piq3", "piq2", "pit", "t3",
    "t2", "nf4", "nf3",
];

/// Shapes of matrices, rows × row length: of a model of a billion weights, and of SmolLM2. Packed, both stay in cache.
pub const SHAPES: [(usize, usize); 2] = [(2048, 2048), (576, 1536)];

/// Normal weights of variance 1/row length. The same seed gives the same weights.
///
/// Sums of four uniform numbers: near enough to normal for speed, and cheap for hundreds of millions.
pub fn normal(seed: u64, shape: &Shape) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    // The variance of four uniform numbers is a third.
    let scale = (3.0 / shape.row_len() as f32).sqrt() / 65_536.0;
    let weight = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The lower bits of this generator have short periods: mix before they are used.
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = z ^ (z >> 31);
        let sum: i32 = (0..4).map(|i| (z >> (16 * i)) as u16).map(i32::from).sum();
        (sum - 2 * 65_535) as f32 * scale
    };
    std::iter::repeat_with(weight).take(shape.elements()).collect()
}

/// A matrix of normal weights.
///
/// # Panics
/// If a dimension is zero.
pub fn weights(rows: usize, row_len: usize) -> (Shape, Vec<f32>) {
    let shape = Shape::matrix(rows, row_len).expect("benchmarks use usable shapes");
    let values = normal(1, &shape);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_have_the_variance_asked_for() {
        let (shape, values) = weights(64, 256);
        let n = values.len() as f64;
        let mean = values.iter().map(|&w| f64::from(w)).sum::<f64>() / n;
        let variance = values.iter().map(|&w| (f64::from(w) - mean).powi(2)).sum::<f64>() / n;
        assert!(mean.abs() < 2e-3, "mean {mean}");
        assert!((variance * shape.row_len() as f64 - 1.0).abs() < 0.03, "variance {variance}");
    }
}
