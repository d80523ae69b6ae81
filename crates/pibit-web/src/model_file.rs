//! A checked model file in memory.

mod histogram;

use crate::FileBuffer;
use crate::error::WebError;
use domain_types::{CodecSet, QuantTensor, TensorSource};
use model_store::{Check, GgufFile, VerifyStatus, verify};
use quant_core::{Activations, Codecs};
use std::collections::BTreeMap;
use wasm_bindgen::prelude::*;

/// A GGUF file whose structure is sound and whose checksums, where it has any, are right.
#[wasm_bindgen]
pub struct ModelFile {
    pub(crate) file: GgufFile,
    /// Bytes of memory that the file and what is made of it may take.
    pub(crate) allowed: u64,
    verified: bool,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Info<'a> {
    name: Option<&'a str>,
    architecture: String,
    bytes: usize,
    weights: usize,
    bits_per_weight: f64,
    context_length: usize,
    layers: usize,
    width: usize,
    vocab_size: usize,
    /// Whether the file carries checksums, all of which fit.
    verified: bool,
    has_chat_template: bool,
    /// Number of tensors of each format.
    formats: BTreeMap<&'static str, usize>,
}

#[wasm_bindgen]
impl ModelFile {
    /// Checks what was received. Fails where it is no GGUF file, is cut short, or differs from its checksums.
    #[wasm_bindgen(constructor)]
    pub fn new(buffer: FileBuffer) -> Result<ModelFile, JsValue> {
        Ok(Self::open(buffer)?)
    }

    /// What is in it, as JSON.
    pub fn info(&self) -> Result<String, JsValue> {
        Ok(self.describe()?)
    }

    /// Distribution of a middle layer's weights over the scale of their blocks, with the levels of π formats, as JSON.
    pub fn histogram(&self) -> Result<String, JsValue> {
        Ok(histogram::weights(&self.file)?)
    }
}

impl ModelFile {
    fn open(buffer: FileBuffer) -> Result<Self, WebError> {
        let (bytes, allowed) = buffer.into_parts();
        let file = GgufFile::from_bytes(bytes, &quant_core::catalogue())?;
        let report = verify(&file)?;
        if report.status == VerifyStatus::Damaged {
            let damaged = report.tensors.iter().find(|tensor| tensor.check != Check::Intact);
            return Err(WebError::Damaged(match damaged {
                Some(tensor) => format!("tensor {} differs from its checksum", tensor.name),
                None => "its description differs from its checksum".into(),
            }));
        }
        Ok(Self { file, allowed, verified: report.status == VerifyStatus::Intact })
    }

    fn describe(&self) -> Result<String, WebError> {
        let (spec, tensors) = (self.file.spec()?, self.file.tensors());
        let bytes = self.file.as_bytes().len();
        let weights = tensors.iter().map(|tensor| tensor.shape.elements()).sum::<usize>();
        let mut formats = BTreeMap::new();
        for tensor in tensors {
            *formats.entry(tensor.format.id()).or_insert(0) += 1;
        }
        Ok(json(&Info {
            name: self.file.metadata().str("general.name"),
            architecture: spec.architecture,
            bytes,
            weights,
            bits_per_weight: bytes as f64 * 8.0 / weights as f64,
            context_length: spec.context_length,
            layers: spec.layers,
            width: spec.width,
            vocab_size: spec.vocab_size,
            verified: self.verified,
            has_chat_template: self.file.metadata().str("tokenizer.chat_template").is_some(),
            formats,
        }))
    }
}

/// Weights of a tensor.
pub(crate) fn decoded(tensor: &QuantTensor) -> Result<Vec<f32>, WebError> {
    let mut weights = vec![0.0; tensor.shape().elements()];
    Codecs::new(Activations::F32).require(tensor.format())?.decode(tensor.view(), &mut weights)?;
    Ok(weights)
}

/// As JSON.
///
/// # Panics
/// Never: what is described here are numbers and text.
pub(crate) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("numbers and text")
}
