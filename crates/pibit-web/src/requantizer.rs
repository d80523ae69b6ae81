//! A model to another format, a tensor at a time.

use crate::error::WebError;
use crate::model_file::{ModelFile, decoded, json};
use domain_types::{QuantFormat, QuantTensor, QuantizeRequest, TensorInfo, TensorSource};
use model_store::{GgufFile, GgufWriter, planned_bytes, sha256_bytes};
use quant_core::{Comparison, QuantizeOptions};
use std::io::Cursor;
use wasm_bindgen::prelude::*;
use wasm_runtime::RuntimeError;

/// Below this many bits per weight the embedding gets [`COARSE_EMBED`], as the command `pibit quantize` does: rounded to
/// 2 or 3 bits without training it would spoil every token.
const EMBED_MIN_BITS: f64 = 4.5;
const COARSE_EMBED: &str = "q4_0";

/// A quantization under way.
#[wasm_bindgen]
pub struct Requantizer {
    source: GgufFile,
    plan: Vec<TensorInfo>,
    writer: GgufWriter<Cursor<Vec<u8>>>,
    done: usize,
    comparisons: Vec<Comparison>,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Progress<'a> {
    done: usize,
    total: usize,
    tensor: &'a str,
    format: &'static str,
    /// Σe²/Σw²; absent where the tensor was copied.
    #[serde(skip_serializing_if = "Option::is_none")]
    relative_error: Option<f64>,
}

#[wasm_bindgen]
impl Requantizer {
    /// Linear layers in `format`, norms as they are. Fails where the format is not known or does not fit, or both files
    /// together are more than the budget.
    #[wasm_bindgen(constructor)]
    pub fn new(file: &ModelFile, format: &str) -> Result<Requantizer, JsValue> {
        Ok(Self::plan(file, format)?)
    }

    /// Makes the next tensor and tells of it, as JSON; `undefined` where all are made.
    pub fn step(&mut self) -> Result<Option<String>, JsValue> {
        Ok(self.next()?)
    }

    /// Relative error of all tensors together, Σe²/Σw².
    #[wasm_bindgen(getter, js_name = relativeError)]
    pub fn relative_error(&self) -> f64 {
        Comparison::total(self.comparisons.iter().copied()).map_or(0.0, |all| all.relative_error())
    }

    /// The file's bytes. Fails where tensors are missing.
    pub fn finish(self) -> Result<Vec<u8>, JsValue> {
        Ok(self.writer.finish().map_err(WebError::from)?)
    }
}

impl Requantizer {
    fn plan(file: &ModelFile, format: &str) -> Result<Self, WebError> {
        let source = file.file.clone();
        let plan = source.tensors().iter().map(|t| planned(t, format)).collect::<Result<Vec<_>, _>>()?;
        let mut metadata = source.metadata().clone();
        metadata.set("general.quantization_version", 2_u32);
        metadata.remove("general.file_type");
        let sha256 = sha256_bytes(source.as_bytes());
        let bytes = planned_bytes(metadata.clone(), plan.clone(), Some(&sha256))?;
        let needed = bytes.saturating_add(source.as_bytes().len() as u64);
        if needed > file.allowed {
            return Err(RuntimeError::OverBudget { needed, allowed: file.allowed }.into());
        }
        let writer = GgufWriter::in_memory(metadata, plan.clone(), Some(&sha256))?;
        Ok(Self { source, plan, writer, done: 0, comparisons: Vec::new() })
    }

    fn next(&mut self) -> Result<Option<String>, WebError> {
        let Some(info) = self.plan.get(self.done) else { return Ok(None) };
        let (tensor, comparison) = made(&self.source.tensor(&info.name)?, info.format)?;
        self.writer.push(&info.name, &tensor)?;
        self.done += 1;
        self.comparisons.extend(comparison);
        Ok(Some(json(&Progress {
            done: self.done,
            total: self.plan.len(),
            tensor: &info.name,
            format: info.format.id(),
            relative_error: comparison.map(|c| c.relative_error()),
        })))
    }
}

/// A tensor of the new file. Norms and biases are a thousandth of the weights and decide much: they stay.
fn planned(info: &TensorInfo, format: &str) -> Result<TensorInfo, WebError> {
    if !info.is_matrix() {
        return Ok(info.clone());
    }
    let mut format = known(format)?;
    let is_end = matches!(info.name.as_str(), "token_embd.weight" | "output.weight");
    if is_end && format.bits_per_weight() < EMBED_MIN_BITS {
        format = known(COARSE_EMBED)?;
    }
    if !format.fits(&info.shape) {
        let (name, rows) = (&info.name, info.shape.row_len());
        let reason = format!("rows of {rows} weights ({name}) do not fit {format}; choose another format");
        return Err(WebError::BadInput(reason));
    }
    Ok(TensorInfo::new(info.name.as_str(), format, info.shape)?)
}

fn known(format: &str) -> Result<QuantFormat, WebError> {
    // Its error names the formats that there are.
    Ok(quant_core::quantizer(format, &QuantizeOptions::default())?.format())
}

fn made(original: &QuantTensor, format: QuantFormat) -> Result<(QuantTensor, Option<Comparison>), WebError> {
    if *original.format() == format {
        return Ok((original.clone(), None));
    }
    let weights = decoded(original)?;
    let request = QuantizeRequest::new(&weights, *original.shape())?;
    let tensor = quant_core::quantizer(format.id(), &QuantizeOptions::default())?.quantize(&request)?;
    let comparison = quant_core::compare(&weights, &tensor)?;
    Ok((tensor, Some(comparison)))
}
