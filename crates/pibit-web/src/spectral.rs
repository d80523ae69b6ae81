//! What the full module's `PiQuant` has besides: a figure that needs a Fourier transform.

use crate::PiQuant;
use crate::error::WebError;
use domain_types::{QuantTensor, Shape};
use quant_core::PiQuantizer;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
impl PiQuant {
    /// Mean over frequencies of 10·log₁₀ of the error's power over the weights', in dB.
    #[wasm_bindgen(js_name = spectralDistortion)]
    pub fn spectral_distortion(&self, weights: &[f32]) -> Result<f64, JsValue> {
        Ok(distortion(self.quantizer(), weights)?)
    }
}

fn distortion(quantizer: &PiQuantizer, weights: &[f32]) -> Result<f64, WebError> {
    let bytes = quantizer.encode(weights)?;
    let tensor = QuantTensor::new(quantizer.format(), Shape::vector(weights.len())?, bytes)?;
    Ok(quant_core::compare(weights, &tensor)?.quality().spectral_distortion_db)
}
