//! Proxy loss and speed of rounding to nearest, LDLQ and LDLQ with refinement, on normal weights whose inputs
//! correlate like a first-order process (ρ = 0.9).
//!
//! `cargo run --release -p quant-core --features ldlq --example rounding [FORMAT…]`

use domain_types::testing::gaussian_like;
use domain_types::{CodecSet, Hessian, QuantizeRequest, Shape};
use quant_core::{Codecs, QuantizeOptions, Rounding, proxy_loss, quantizer};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let usual = ["t2", "t2_l8", "t2_l12", "t3_l10", "piq2", "piq3"].map(String::from);
    let formats = if given.is_empty() { &usual[..] } else { &given };
    println!("| format | matrix | rounding | proxy loss | M weights/s |\n|---|---|---|---|---|");
    for format in formats {
        for (rows, columns) in [(576, 576), (1536, 576), (576, 1536)] {
            let (weights, hessian) = (gaussian_like(1, rows * columns), correlated(columns)?);
            let shape = Shape::matrix(rows, columns)?;
            let request = QuantizeRequest::new(&weights, shape)?.with_hessian(&hessian)?;
            for rounding in [Rounding::Rtn, Rounding::Ldlq, Rounding::LdlqRefine] {
                let options = QuantizeOptions::default().with_rounding(rounding);
                let start = Instant::now();
                let packed = quantizer(format, &options)?.quantize(&request)?;
                let seconds = start.elapsed().as_secs_f64();
                let mut decoded = vec![0.0; weights.len()];
                Codecs::default().require(packed.format())?.decode(packed.view(), &mut decoded)?;
                let loss = proxy_loss(&weights, &decoded, &hessian)?;
                let speed = weights.len() as f64 / seconds / 1e6;
                println!("| {format} | {rows} × {columns} | {rounding} | {loss:.6} | {speed:.2} |");
            }
        }
    }
    Ok(())
}

fn correlated(width: usize) -> Result<Hessian, domain_types::DomainError> {
    let entry = |i: usize| 0.9_f32.powi((i / width).abs_diff(i % width) as i32);
    Hessian::new(width, 1, (0..width * width).map(entry).collect())
}
