//! Errors as JavaScript sees them: an `Error` with a `code` that programs can compare.

use js_sys::{Error, Reflect};
use wasm_bindgen::JsValue;

/// An `Error` with this code.
pub(crate) fn failure(code: &str, message: &str) -> JsValue {
    let error = Error::new(message);
    // Setting a property of an error that was just made cannot fail.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}

/// A quantizer's refusal.
pub(crate) fn bad_input(error: &quant_core::QuantError) -> JsValue {
    failure("badInput", &error.to_string())
}
