//! Patterns of tokenizers by the browser's own regular expressions: an engine with Unicode's tables would be a fifth of a
//! module (ADR 0026).

use domain_types::{PortError, WordPattern};
use std::ops::Range;
use wasm_bindgen::prelude::*;

// From the folder of a module's own JavaScript.
#[wasm_bindgen(raw_module = "../../words.js")]
extern "C" {
    /// Starts and ends, in bytes. Throws where the pattern is none.
    #[wasm_bindgen(js_name = findWords, catch)]
    fn find_words(pattern: &str, text: &str) -> Result<Vec<u32>, JsValue>;
}

struct Words(String);

pub(crate) fn compile(pattern: &str) -> Result<Box<dyn WordPattern>, PortError> {
    let words = Words(pattern.to_owned());
    // What is no pattern is found out now and not in the middle of a text.
    words.find("")?;
    Ok(Box::new(words))
}

impl WordPattern for Words {
    fn find(&self, text: &str) -> Result<Vec<Range<usize>>, PortError> {
        let ends = find_words(&self.0, text).map_err(|e| PortError::invalid(format!("{e:?}")))?;
        Ok(ends.chunks_exact(2).map(|word| word[0] as usize..word[1] as usize).collect())
    }
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn finds_the_words_that_are_found_natively() {
        domain_types::testing::word_pattern_conformance(&super::compile);
    }
}
