//! `QuantBench`: formats compared on weights, and how fast this tab computes with them.

use crate::error::WebError;
use crate::model_file::json;
use domain_types::{CodecSet, QuantTensor, QuantizeRequest, Shape, TensorQuality};
use quant_core::{Activations, Codecs, QuantizeOptions, compare, entries, quantizer};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;
}

/// Row length of the weights that speed is measured on: that of a small model's feed-forward layer.
const ROW: usize = 1536;
const ROWS: usize = 1536;

/// Compares formats.
#[wasm_bindgen]
#[derive(Default)]
pub struct QuantBench;

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    format: &'static str,
    bits_per_weight: f64,
    mse: f64,
    cosine: f64,
    spectral_distortion_db: f64,
    outlier_retention: f64,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Speed {
    format: &'static str,
    instructions: &'static str,
    /// Gigabytes of F32 per second that decoding writes.
    dequantize_gb_s: f64,
    /// Gigabytes of packed weights per second that a product with a vector reads.
    matvec_gb_s: f64,
    /// Millions of multiply–adds per second of that product.
    matvec_mops: f64,
}

#[wasm_bindgen]
impl QuantBench {
    /// Nothing is measured yet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> QuantBench {
        Self
    }

    /// Names of the formats that can be made, as JSON.
    pub fn formats(&self) -> String {
        let names: Vec<_> = entries().iter().filter(|e| e.can_encode()).map(|e| e.format().id()).collect();
        json(&names)
    }

    /// How near each of these formats, joined by commas, comes to the weights, rows of `rowLength`, as JSON.
    #[wasm_bindgen(js_name = compareFormats)]
    pub fn compare_formats(
        &self,
        weights: &[f32],
        row_length: usize,
        formats: &str,
    ) -> Result<String, JsValue> {
        let rows = formats.split(',').map(|format| row(weights, row_length, format));
        Ok(json(&rows.collect::<Result<Vec<_>, _>>()?))
    }

    /// How fast a format is decoded and multiplied in this tab, for about `seconds` each, as JSON.
    #[wasm_bindgen(js_name = runBench)]
    pub fn run_bench(&self, format: &str, seconds: f64) -> Result<String, JsValue> {
        Ok(json(&speed(format, seconds)?))
    }
}

fn quantized(weights: &[f32], row_length: usize, format: &str) -> Result<QuantTensor, WebError> {
    if row_length == 0 || weights.is_empty() || !weights.len().is_multiple_of(row_length) {
        let count = weights.len();
        return Err(WebError::BadInput(format!("{count} weights are not whole rows of {row_length}")));
    }
    let shape = Shape::matrix(weights.len() / row_length, row_length)?;
    let request = QuantizeRequest::new(weights, shape)?;
    Ok(quantizer(format, &QuantizeOptions::default())?.quantize(&request)?)
}

fn row(weights: &[f32], row_length: usize, format: &str) -> Result<Row, WebError> {
    let tensor = quantized(weights, row_length, format)?;
    let TensorQuality { mse, cosine, spectral_distortion_db, outlier_retention } =
        compare(weights, &tensor)?.quality();
    Ok(Row {
        format: tensor.format().id(),
        bits_per_weight: tensor.bits_per_weight(),
        mse,
        cosine,
        spectral_distortion_db,
        outlier_retention,
    })
}

fn speed(format: &str, seconds: f64) -> Result<Speed, WebError> {
    let weights: Vec<f32> = (0..ROW * ROWS).map(|i| (i as f32 * 0.7).sin() * 0.1).collect();
    let tensor = quantized(&weights, ROW, format)?;
    let codecs = Codecs::new(Activations::Int8);
    let codec = codecs.require(tensor.format())?;
    let mut decoded = weights;
    let decoding = rate(seconds, || codec.decode(tensor.view(), &mut decoded))?;
    let linear = codec.linear(tensor.clone())?;
    let (input, mut output) = (vec![0.5; ROW], vec![0.0; ROWS]);
    let products = rate(seconds, || {
        linear.matvec(&input, &mut output);
        Ok::<_, WebError>(())
    })?;
    Ok(Speed {
        format: tensor.format().id(),
        instructions: quant_core::instruction_set(),
        dequantize_gb_s: decoding * (ROW * ROWS * 4) as f64 / 1e9,
        matvec_gb_s: products * tensor.bytes().len() as f64 / 1e9,
        matvec_mops: products * (ROW * ROWS) as f64 / 1e6,
    })
}

/// Runs per second, of the fastest tenth of the time: others share the processor.
fn rate<E>(seconds: f64, mut work: impl FnMut() -> Result<(), E>) -> Result<f64, WebError>
where
    WebError: From<E>,
{
    let part = (seconds.clamp(0.01, 60.0) * 100.0).max(1.0);
    let mut best = 0.0_f64;
    for _ in 0..10 {
        let (start, mut runs) = (now(), 0.0);
        loop {
            work()?;
            runs += 1.0;
            let milliseconds = now() - start;
            if milliseconds >= part {
                best = best.max(runs / milliseconds * 1000.0);
                break;
            }
        }
    }
    Ok(best)
}
