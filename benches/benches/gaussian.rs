//! The error of every format of less than 16 bits on a million unit normal weights beside Shannon's bound 4^-R, as docs/formats.md quotes
//! it: `cargo bench -p benches --bench gaussian`.

use domain_types::{QuantFormat, QuantizeRequest, Shape};
use quant_core::{QuantizeOptions, StepSearch, compare, entries, quantizer};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A format's figures.
struct Row {
    format: QuantFormat,
    bits: f64,
    searched: f64,
    closed_form: f64,
}

impl Row {
    fn bound(&self) -> f64 {
        0.25_f64.powf(self.bits)
    }

    /// Codes of like rates, whose scales cost up to three quarters of a bit.
    fn class(&self) -> usize {
        self.bits as usize
    }
}

fn main() -> Result<()> {
    // Cargo's tests run benchmarks too, without this flag: then a sample will do.
    let side = if std::env::args().any(|arg| arg == "--bench") { 1024 } else { 256 };
    let shape = Shape::matrix(side, side)?;
    let weights = normal(shape.elements());
    let mut rows = Vec::new();
    for entry in entries().iter().filter(|entry| entry.can_encode()) {
        let format = entry.format();
        if format.bits_per_weight() >= 16.0 {
            continue;
        }
        rows.push(Row {
            format,
            bits: format.byte_len(&shape)? as f64 * 8.0 / shape.elements() as f64,
            searched: mse(format, &weights, shape, QuantizeOptions::default())?,
            closed_form: mse(format, &weights, shape, closed_form())?,
        });
    }
    rows.sort_by(|a, b| a.class().cmp(&b.class()).then(b.searched.total_cmp(&a.searched)));
    println!("| format | bits per weight | error | bound 4^-R | above it (dB) | error, closed form |");
    println!("|---|---|---|---|---|---|");
    for row in &rows {
        let Row { format, bits, searched, closed_form } = row;
        let above = 10.0 * (searched / row.bound()).log10();
        println!(
            "| {format} | {bits:.4} | {searched:.2e} | {:.2e} | {above:.2} | {closed_form:.2e} |",
            row.bound()
        );
    }
    divisors(&weights, shape)
}

/// The closed form of π grids for each k.
fn divisors(weights: &[f32], shape: Shape) -> Result<()> {
    println!("\n| closed form | k = 2 | 3 | 4 | 5 |\n|---|---|---|---|---|");
    for entry in entries().iter().filter(|entry| entry.format().id().starts_with("pi")) {
        let errors = (2..=5).map(|k| mse(entry.format(), weights, shape, closed_form().with_k(Some(k))));
        let errors: Vec<_> = errors.map(|error| error.map(|e| format!("{e:.4}"))).collect::<Result<_>>()?;
        println!("| {} | {} |", entry.format(), errors.join(" | "));
    }
    Ok(())
}

fn closed_form() -> QuantizeOptions {
    QuantizeOptions::default().with_step(StepSearch::Rms)
}

fn mse(format: QuantFormat, weights: &[f32], shape: Shape, options: QuantizeOptions) -> Result<f64> {
    let tensor = quantizer(format.id(), &options)?.quantize(&QuantizeRequest::new(weights, shape)?)?;
    Ok(compare(weights, &tensor)?.quality().mse)
}

/// Normal numbers by the method of Box and Muller from SplitMix64: unlike sums of uniform numbers, their tails are right.
fn normal(n: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let mut uniform = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut normal = || (-2.0 * (1.0 - uniform()).ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
    (0..n).map(|_| normal() as f32).collect()
}
