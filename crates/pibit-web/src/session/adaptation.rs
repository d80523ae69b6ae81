//! A few steps of learning from a text of the user's, which never leaves the tab.

use super::Session;
use crate::error::WebError;
use crate::model_file::json;
use domain_types::TokenModel;
use inference::HeadTuner;
use wasm_bindgen::prelude::*;

/// Bytes of a logit and of a factor.
const FLOAT: u64 = 4;
/// Copies of the factors: their gradients, and what they were before a step.
const COPIES: u64 = 4;

/// What an adapter is to be.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Settings {
    rank: usize,
    seed: u64,
}

/// Where adapting stands, for the page.
#[derive(serde::Serialize)]
struct Adapted {
    tokens: usize,
    /// Nats per token.
    loss: f64,
}

/// An adapter under training: a low-rank addition to the output head (LoRA).
#[wasm_bindgen]
pub struct Adaptation {
    tuner: HeadTuner,
}

#[wasm_bindgen]
impl Adaptation {
    /// Reads a text. `settings` are JSON: `rank` and `seed`. An adapter that the model has is taken away, and what it
    /// remembered is forgotten. Fails where text and adapter take more memory than the model's budget has left.
    #[wasm_bindgen(constructor)]
    pub fn new(session: &mut Session, text: &str, settings: &str) -> Result<Adaptation, JsValue> {
        Ok(Self::begin(session, text, settings)?)
    }

    /// Where it stands, as JSON.
    pub fn state(&self) -> String {
        json(&Adapted { tokens: self.tuner.tokens(), loss: self.tuner.loss() })
    }

    /// One step; gives the [state](Self::state) after it.
    pub fn step(&mut self) -> String {
        self.tuner.step();
        self.state()
    }

    /// Puts the adapter, as it is now, beside the model.
    pub fn apply(&self, session: &mut Session) -> Result<(), JsValue> {
        let addition = self.tuner.addition().map_err(WebError::from)?;
        Ok(session.transformer.set_head_addition(Some(addition)).map_err(WebError::from)?)
    }
}

#[wasm_bindgen]
impl Session {
    /// Takes the adapter away.
    #[wasm_bindgen(js_name = resetAdapter)]
    pub fn reset_adapter(&mut self) -> Result<(), JsValue> {
        Ok(self.transformer.set_head_addition(None).map_err(WebError::from)?)
    }
}

impl Adaptation {
    fn begin(session: &mut Session, text: &str, settings: &str) -> Result<Self, WebError> {
        let settings = serde_json::from_str(settings);
        let Settings { rank, seed } =
            settings.map_err(|e| WebError::BadInput(format!("settings of an adapter: {e}")))?;
        let tokens = session.prompt_tokens(text, false)?;
        session.under_way = None;
        let (width, vocab) =
            (session.transformer.spec().width as u64, session.transformer.vocab_size() as u64);
        let answers = (tokens.len() as u64).saturating_mul(vocab + width);
        let factors = (rank as u64).saturating_mul(vocab + width).saturating_mul(COPIES);
        session.check_room(answers.saturating_add(factors).saturating_mul(FLOAT))?;
        let tuner = HeadTuner::new(&mut session.transformer, &tokens, rank, seed)
            .map_err(|error| WebError::BadInput(error.to_string()))?;
        Ok(Self { tuner })
    }
}
