//! What a panic becomes: an exception with its message, instead of a bare "unreachable".

use wasm_bindgen::prelude::*;

/// Runs when the module is loaded.
#[wasm_bindgen(start)]
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        // Nothing may run in this module any more: the worker that hears of it without a `code` ends itself.
        wasm_bindgen::throw_str(&panic.to_string());
    }));
}
