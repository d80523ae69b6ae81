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

#[cfg(all(test, target_arch = "wasm32"))]
pub(crate) mod testing {
    use super::*;

    /// The code of a refusal, or that there was none.
    pub(crate) fn code<T>(result: Result<T, JsValue>) -> String {
        let Err(error) = result else { return "no error".to_owned() };
        Reflect::get(&error, &"code".into()).ok().and_then(|code| code.as_string()).unwrap_or_default()
    }
}
