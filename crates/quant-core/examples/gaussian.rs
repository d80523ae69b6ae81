//! Prints the error of every format on a million unit normal weights next to Shannon's bound, as docs/formats.md
//! quotes it: `cargo run --release -p quant-core --example gaussian`.

use domain_types::{QuantizeRequest, Shape};
use quant_core::{QuantizeOptions, StepSearch, compare, entries, quantizer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let shape = Shape::matrix(1024, 1024)?;
    let weights = normal(shape.elements());
    let request = QuantizeRequest::new(&weights, shape)?;
    println!("| format | bits per weight | searched step | closed form | 4^-R |\n|---|---|---|---|---|");
    for entry in entries().iter().filter(|entry| entry.can_encode()) {
        let format = entry.format();
        let mse = |step, k| -> Result<f64, Box<dyn std::error::Error>> {
            let mut options = QuantizeOptions::default();
            (options.step, options.k) = (step, k);
            let tensor = quantizer(format.id(), &options)?.quantize(&request)?;
            Ok(compare(&weights, &tensor)?.quality().mse)
        };
        let (searched, closed) = (mse(StepSearch::Mse, None)?, mse(StepSearch::Rms, None)?);
        let bits = format.byte_len(&shape)? as f64 * 8.0 / shape.elements() as f64;
        println!("| {format} | {bits:.4} | {searched:.5} | {closed:.5} | {:.5} |", 0.25_f64.powf(bits));
        if format.id().starts_with("pi") {
            for k in 2..=5 {
                println!("| … k = {k} | | | {:.5} | |", mse(StepSearch::Rms, Some(k))?);
            }
        }
    }
    Ok(())
}

/// Normal numbers by the method of Box and Muller from SplitMix64.
fn normal(n: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let mut uniform = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut pair = || (-2.0 * (1.0 - uniform()).ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
    (0..n).map(|_| pair() as f32).collect()
}
