//! Encoders of ggml's formats against llama.cpp's, without and with importance: the same or a lower error.
//! `golden/make_ggml_mse.py` measured llama.cpp on the same data.

use domain_types::testing::gaussian_like;
use domain_types::{CodecSet, QuantizeRequest, Shape};
use proptest::prelude::*;
use quant_core::{Codecs, QuantizeOptions, entries, quantizer};

const ROWS: usize = 8;
const ROW: usize = 1536;

/// A normal variable times a Rayleigh variable has a Laplace distribution.
fn laplace_like(n: usize) -> Vec<f32> {
    let rayleigh =
        gaussian_like(3, n).into_iter().zip(gaussian_like(4, n)).map(|(b, c)| (b * b + c * c).sqrt());
    gaussian_like(2, n).into_iter().zip(rayleigh).map(|(a, r)| a * r).collect()
}

/// Rows of a down projection of SmolLM2-135M-Instruct (Apache-2.0), rounded to F16 from a Q4_1 file.
fn smollm2() -> Vec<f32> {
    let bytes = include_bytes!("golden/weights.f16").as_chunks().0;
    bytes.iter().map(|b| half::f16::from_le_bytes(*b).to_f32()).collect()
}

fn weights(name: &str) -> Vec<f32> {
    match name {
        "gaussian" => gaussian_like(1, ROWS * ROW),
        "laplace" => laplace_like(ROWS * ROW),
        "smollm2" => smollm2(),
        _ => panic!("no data named {name}"),
    }
}

/// The mean squared error of an encoder, weighted by importance where given.
fn mse(format: &str, weights: &[f32], importance: Option<&[f32]>) -> f64 {
    let shape = Shape::matrix(ROWS, ROW).unwrap();
    let mut request = QuantizeRequest::new(weights, shape).unwrap();
    if let Some(importance) = importance {
        request = request.with_importance(importance).unwrap();
    }
    let packed = quantizer(format, &QuantizeOptions::default()).unwrap().quantize(&request).unwrap();
    let mut decoded = vec![f32::NAN; weights.len()];
    Codecs::default().require(packed.format()).unwrap().decode(packed.view(), &mut decoded).unwrap();
    let importance = |at: usize| importance.map_or(1.0, |all| f64::from(all[at % ROW]));
    let errors = weights.iter().zip(&decoded).map(|(w, d)| (f64::from(*w) - f64::from(*d)).powi(2));
    let total: f64 = errors.enumerate().map(|(at, error)| importance(at) * error).sum();
    total / (0..ROWS * ROW).map(importance).sum::<f64>()
}

#[test]
fn no_error_above_llama_cpp() {
    let importance: Vec<f32> = gaussian_like(5, ROW).iter().map(|g| g * g + 0.1).collect();
    let mut worse = Vec::new();
    for line in include_str!("golden/ggml_mse.csv").lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let (format, data) = (fields[0], weights(fields[1]));
        for (importance, theirs) in [(None, fields[2]), (Some(&importance[..]), fields[3])] {
            if theirs.is_empty() {
                continue; // llama.cpp makes these with importance only
            }
            let (ours, theirs) = (mse(format, &data, importance), theirs.parse::<f64>().unwrap());
            let kind = if importance.is_some() { "weighted" } else { "plain" };
            println!("{format:8} {:9} {kind:9} {theirs:.4e} {ours:.4e} {:.4}", fields[1], ours / theirs);
            if ours > theirs * (1.0 + 1e-6) {
                worse.push(format!("{format} {} {kind}: {ours:e} against {theirs:e}", fields[1]));
            }
        }
    }
    assert!(worse.is_empty(), "{worse:#?}");
}

/// Any finite number of any magnitude, often from a narrow range.
fn finite() -> impl Strategy<Value = f32> {
    prop_oneof![-1.0_f32..1.0, Just(0.0), any::<f32>().prop_filter("finite", |x| x.is_finite())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_finite_weights_stay_finite(
        weights in prop::collection::vec(finite(), 256),
        importance in prop::collection::vec(finite().prop_map(f32::abs), 256),
    ) {
        let shape = Shape::matrix(1, 256).unwrap();
        let made = entries().iter().filter(|e| e.can_encode()).map(quant_core::FormatEntry::format);
        for format in made.filter(|f| f.ggml_type().is_some() && f.block_len() > 1) {
            let id = format.id();
            let plain = QuantizeRequest::new(&weights, shape).unwrap();
            for request in [plain, plain.with_importance(&importance).unwrap()] {
                let packed = quantizer(id, &QuantizeOptions::default()).unwrap().quantize(&request).unwrap();
                let mut decoded = vec![f32::NAN; 256];
                Codecs::default().require(packed.format()).unwrap().decode(packed.view(), &mut decoded).unwrap();
                prop_assert!(decoded.iter().all(|w| w.is_finite()), "{id}");
            }
        }
    }
}
