//! `PiQuant`: the π-scaled quantizer on an array of weights.

use crate::failure::{bad_input, failure};
use js_sys::{JSON, Reflect};
use quant_core::{PiQuantizer, QuantizeOptions};
use wasm_bindgen::prelude::*;

/// The longest text that `fromJson` reads.
const MAX_JSON: usize = 4096;

/// PiQ2 or PiQ3 on rows of weights, a multiple of 32 long.
#[wasm_bindgen]
pub struct PiQuant {
    quantizer: PiQuantizer,
    bits: u8,
    k: Option<u8>,
}

#[wasm_bindgen]
impl PiQuant {
    /// `bits` is 2 or 3; `k` is 2, 3, 4 or 5, and the format's own where it is left out.
    #[wasm_bindgen(constructor)]
    pub fn new(bits: u8, k: Option<u8>) -> Result<PiQuant, JsValue> {
        let options = QuantizeOptions::default().with_k(k);
        let quantizer = PiQuantizer::new(bits, options).map_err(|e| bad_input(&e))?;
        Ok(Self { quantizer, bits, k })
    }

    /// Bits of a code.
    #[wasm_bindgen(getter)]
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// The divisor k that was chosen.
    #[wasm_bindgen(getter)]
    pub fn k(&self) -> Option<u8> {
        self.k
    }

    /// Bits per weight, scales included.
    #[wasm_bindgen(getter, js_name = bitsPerWeight)]
    pub fn bits_per_weight(&self) -> f64 {
        self.quantizer.format().bits_per_weight()
    }

    /// The levels, in steps.
    #[wasm_bindgen(getter)]
    pub fn levels(&self) -> Vec<f32> {
        self.quantizer.levels().to_vec()
    }

    /// The step of the first block of 256: negative where the block is mirrored.
    #[wasm_bindgen(js_name = stepSize)]
    pub fn step_size(&self, weights: &[f32]) -> Result<f32, JsValue> {
        let block = &weights[..weights.len().min(256)];
        Ok(self.quantizer.steps(&self.quantize(block)?)[0])
    }

    /// Weights to bytes.
    pub fn quantize(&self, weights: &[f32]) -> Result<Vec<u8>, JsValue> {
        self.quantizer.encode(weights).map_err(|e| bad_input(&e))
    }

    /// Bytes to weights.
    pub fn dequantize(&self, bytes: &[u8]) -> Result<Vec<f32>, JsValue> {
        let weights = self.quantizer.weights_in(bytes.len()).map_err(|e| bad_input(&e))?;
        self.quantizer.decode(bytes, weights).map_err(|e| bad_input(&e))
    }

    /// Mean squared error of the weights after quantization.
    #[wasm_bindgen(js_name = computeMse)]
    pub fn compute_mse(&self, weights: &[f32]) -> Result<f64, JsValue> {
        let decoded = self.dequantize(&self.quantize(weights)?)?;
        let squares = weights.iter().zip(decoded).map(|(w, d)| f64::from(w - d).powi(2));
        Ok(squares.sum::<f64>() / weights.len() as f64)
    }

    /// Its settings.
    #[wasm_bindgen(js_name = toJson)]
    pub fn to_json(&self) -> String {
        let k = self.k.map_or_else(|| "null".to_owned(), |k| k.to_string());
        format!("{{\"bits\":{},\"k\":{k}}}", self.bits)
    }

    /// Of the settings that `toJson` gave; a text of more than 4,096 bytes is refused.
    #[wasm_bindgen(js_name = fromJson)]
    pub fn from_json(json: &str) -> Result<PiQuant, JsValue> {
        if json.len() > MAX_JSON {
            return Err(failure("messageTooLong", "settings of a quantizer take at most 4096 bytes"));
        }
        let settings = JSON::parse(json).map_err(|_| failure("badInput", "this is not JSON"))?;
        Self::new(
            small_number(&settings, "bits")?.ok_or_else(|| failure("badInput", "`bits` is missing"))?,
            small_number(&settings, "k")?,
        )
    }
}

#[cfg(feature = "model")]
impl PiQuant {
    pub(crate) fn quantizer(&self) -> &PiQuantizer {
        &self.quantizer
    }
}

/// A whole number from 0 to 255; `None` for nothing or null.
fn small_number(settings: &JsValue, key: &str) -> Result<Option<u8>, JsValue> {
    let wrong = || failure("badInput", &format!("`{key}` must be a small whole number"));
    let value = Reflect::get(settings, &key.into()).map_err(|_| failure("badInput", "this is no object"))?;
    if value.is_null() || value.is_undefined() {
        return Ok(None);
    }
    let number = value.as_f64().ok_or_else(wrong)?;
    if (0.0..256.0).contains(&number) && number.fract() == 0.0 {
        Ok(Some(number as u8))
    } else {
        Err(wrong())
    }
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::failure::testing::code;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn settings_survive_json() {
        for (bits, k) in [(2, None), (2, Some(3)), (3, Some(5))] {
            let made = PiQuant::new(bits, k).expect("valid");
            let read = PiQuant::from_json(&made.to_json()).expect("own settings");
            assert_eq!((read.bits(), read.k()), (bits, k));
            assert_eq!(read.levels(), made.levels());
        }
    }

    #[wasm_bindgen_test]
    fn settings_of_others_are_refused() {
        let of = |json: &str| code(PiQuant::from_json(json));
        for json in ["", "[", "7", "{}", "null", r#"{"bits":"3"}"#, r#"{"bits":2.5}"#, r#"{"bits":258}"#] {
            assert_eq!(of(json), "badInput", "{json}");
        }
        assert_eq!(of(&" ".repeat(MAX_JSON + 1)), "messageTooLong");
        // At the limit it is only no JSON.
        assert_eq!(of(&" ".repeat(MAX_JSON)), "badInput");
    }

    #[wasm_bindgen_test]
    fn all_lengths_are_quantized_or_refused() {
        let quantizer = PiQuant::new(3, None).expect("valid");
        let weights: Vec<f32> = (0..600).map(|i| (i as f32 * 1.7).sin()).collect();
        for count in 1..weights.len() {
            let packed = quantizer.quantize(&weights[..count]);
            if count % 32 != 0 {
                assert_eq!(code(packed), "badInput", "{count} weights");
                continue;
            }
            let decoded = quantizer.dequantize(&packed.expect("whole strips")).expect("own bytes");
            assert_eq!(decoded.len(), count);
            let errors = weights.iter().zip(&decoded).map(|(w, d)| f64::from(w - d).powi(2));
            let mse = errors.sum::<f64>() / count as f64;
            assert_eq!(quantizer.compute_mse(&weights[..count]).expect("finite"), mse);
            assert!(mse < 0.06, "{count} weights: {mse}");
        }
    }

    #[wasm_bindgen_test]
    fn weights_that_are_no_numbers_are_refused() {
        let quantizer = PiQuant::new(2, None).expect("valid");
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut weights = [0.5; 64];
            weights[63] = bad;
            assert_eq!(code(quantizer.quantize(&weights)), "badInput", "{bad}");
            assert_eq!(code(quantizer.step_size(&weights)), "badInput", "{bad}");
        }
    }
}
