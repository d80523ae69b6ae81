//! Perplexity of a text.

use super::Session;
use crate::error::WebError;
use crate::model_file::json;
use domain_types::port::NullSink;
use domain_types::{TokenModel, Tokenizer};
use inference::{EvalOptions, EvalProgress, evaluate};
use wasm_bindgen::prelude::*;

/// Tokens per chunk where the text and the context have so many: the protocol of published figures.
const CHUNK: usize = 512;

/// Where a measurement stands, for the page.
#[derive(serde::Serialize)]
struct Progress {
    chunk: usize,
    chunks: usize,
    ppl: f64,
}

#[wasm_bindgen]
impl Session {
    /// Perplexity of a text over chunks of at most 512 tokens, the second half of each scored, as JSON. `onProgress`
    /// gets JSON after each. What the model remembered is forgotten.
    #[wasm_bindgen]
    pub fn perplexity(&mut self, text: &str, on_progress: &js_sys::Function) -> Result<String, JsValue> {
        let report = self.measure(text, &mut |progress| {
            let EvalProgress { chunk, chunks, ppl, .. } = *progress;
            // A page that throws does not change the figure.
            let _ = on_progress.call1(&JsValue::NULL, &json(&Progress { chunk, chunks, ppl }).into());
        });
        Ok(report?)
    }

    fn measure(&mut self, text: &str, progress: &mut dyn FnMut(&EvalProgress)) -> Result<String, WebError> {
        self.under_way = None;
        // With a start token, as the command line and llama.cpp have it: it decides where chunks begin.
        let tokens = self.prompt_tokens(text, false)?;
        // Even, so that halves are whole; a shorter text is one chunk.
        let ctx = CHUNK.min(tokens.len()).min(self.transformer.context_length()) & !1;
        let options = EvalOptions { ctx, chunks: None, bos: self.tokenizer.bos() };
        let report = evaluate(&mut self.transformer, None, &tokens, &options, &NullSink, progress)?;
        Ok(json(&report))
    }
}
