//! A model that talks: one generation at a time, a step per call.

mod adaptation;
mod perplexity;

pub use adaptation::Adaptation;

use crate::ModelFile;
use crate::error::WebError;
use crate::file_buffer::memory_bytes;
use crate::model_file::json;
use crate::words;
use domain_types::{PortError, TensorSource, TokenId, TokenModel, Tokenizer};
use inference::{ChatSource, InferenceError, LoadOptions, Sampler, SamplerOptions, Transformer};
use model_store::{ModelTokenizer, tokenizer_with};
use quant_core::{Activations, Codecs};
use wasm_bindgen::prelude::*;
use wasm_runtime::{Footprint, Generation, GenerationLimits, MemoryBudget, Reply, Request, StopReason};

/// Positions of the cache where the page does not choose, or all that the model was made for.
const CONTEXT: usize = 2048;
/// Positions that pass through the network together when a prompt is read.
const BATCH: usize = 32;

/// A loaded model.
#[wasm_bindgen]
pub struct Session {
    transformer: Transformer,
    tokenizer: ModelTokenizer,
    chat: Option<ChatSource>,
    under_way: Option<UnderWay>,
    /// The budget, and what the model takes of it.
    budget: MemoryBudget,
}

struct UnderWay {
    id: u32,
    generation: Generation,
    sampler: Sampler,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Memory {
    /// All that this tab's worker holds.
    module: u64,
    /// The part of it that remembers the conversation.
    cache: usize,
    /// Weights that a token reads.
    weights: usize,
    /// Positions used, and positions that there are.
    position: usize,
    context_length: usize,
}

/// What `chatTemplate` gives.
#[derive(serde::Serialize)]
struct Chat<'a> {
    template: &'a str,
    bos: &'a str,
    eos: &'a str,
}

/// What `tokens` says of a text.
#[derive(serde::Serialize)]
struct Tokens {
    tokens: Vec<TokenId>,
}

#[wasm_bindgen]
impl Session {
    /// Makes a file ready to run, with room for `context` positions (0: the usual number). Fails where weights, cache
    /// and activations together are more than the budget, before they are allocated.
    #[wasm_bindgen(constructor)]
    pub fn new(file: &ModelFile, context: usize) -> Result<Session, JsValue> {
        Ok(Self::load(file, context)?)
    }

    /// The model's chat template, as JSON: `template`, `bos` and `eos`. JavaScript renders it.
    #[wasm_bindgen(js_name = chatTemplate)]
    pub fn chat_template(&self) -> Result<String, JsValue> {
        let chat = self.chat.as_ref().ok_or_else(|| {
            WebError::BadInput("this model has no chat template: give it a text to continue".into())
        })?;
        let ChatSource { template, bos, eos } = chat;
        Ok(json(&Chat { template, bos, eos }))
    }

    /// Begins a generation: a `generate` message of the worker's protocol. With `special`, control tokens in the text
    /// count as such. What the model remembered is forgotten.
    pub fn begin(&mut self, request: &str, special: bool) -> Result<(), JsValue> {
        Ok(self.start(request, special)?)
    }

    /// Reads a slice of the prompt or draws a token; gives the protocol's reply.
    pub fn step(&mut self) -> Result<String, JsValue> {
        Ok(self.advance().to_json())
    }

    /// Ends the generation: the next step is the last.
    pub fn stop(&mut self) {
        if let Some(under_way) = &mut self.under_way {
            under_way.generation.stop();
        }
    }

    /// Tokens that were drawn so far, as JSON.
    pub fn tokens(&self) -> String {
        let drawn = self.under_way.as_ref().map_or(&[][..], |under_way| under_way.generation.tokens());
        json(&Tokens { tokens: drawn.to_vec() })
    }

    /// What it takes, as JSON.
    pub fn memory(&self) -> String {
        json(&Memory {
            module: memory_bytes(),
            cache: self.transformer.kv_bytes(),
            weights: self.transformer.weight_bytes(),
            position: self.transformer.position(),
            context_length: self.transformer.context_length(),
        })
    }
}

impl Session {
    fn load(file: &ModelFile, context: usize) -> Result<Self, WebError> {
        let spec = file.file.spec()?;
        spec.validate()?;
        let context = if context == 0 { CONTEXT.min(spec.context_length) } else { context };
        let bytes = file.file.as_bytes().len() as u64;
        let mut budget = MemoryBudget::new(file.allowed);
        budget.take(&Footprint::of(bytes, &spec, context, BATCH))?;
        let tokenizer = tokenizer_with(&file.file, &words::compile)?;
        let options = LoadOptions::default().with_context_length(context);
        let transformer = Transformer::load(&file.file, &Codecs::new(Activations::Int8), options)?;
        let chat = match ChatSource::from_metadata(file.file.metadata()) {
            Ok(chat) => Some(chat),
            Err(InferenceError::NoChatTemplate) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { transformer, tokenizer, chat, under_way: None, budget })
    }

    /// Fails where so many bytes more do not fit beside the model.
    fn check_room(&self, bytes: u64) -> Result<(), WebError> {
        Ok(self.budget.check(&Footprint { work: bytes, ..Footprint::default() })?)
    }

    fn start(&mut self, request: &str, special: bool) -> Result<(), WebError> {
        let Request::Generate { id, prompt, max_tokens, temperature, seed } = Request::parse(request)? else {
            return Err(WebError::BadInput("only a `generate` message begins a generation".into()));
        };
        let plain = SamplerOptions { temperature, seed, top_k: 0, top_p: 1.0, min_p: 0.0 };
        let sampler = Sampler::new(plain)?;
        let tokens = self.prompt_tokens(&prompt, special)?;
        self.under_way = None;
        self.transformer.reset();
        let generation = Generation::new(&self.transformer, tokens, GenerationLimits { max_tokens })?;
        self.under_way = Some(UnderWay { id, generation, sampler });
        Ok(())
    }

    /// Tokens of a text, after the start token where the model asks for one and the text does not begin with it.
    fn prompt_tokens(&self, text: &str, special: bool) -> Result<Vec<TokenId>, WebError> {
        let tokens = self.tokenizer.encode(text, special)?;
        let bos = self.tokenizer.bos().filter(|bos| tokens.first() != Some(bos));
        Ok(bos.into_iter().chain(tokens).collect())
    }

    fn advance(&mut self) -> Reply {
        let Self { transformer, tokenizer, under_way, .. } = self;
        let Some(UnderWay { id, generation, sampler }) = under_way else {
            return Reply::End { id: 0, text: String::new(), reason: StopReason::Stopped };
        };
        let mut sample = |logits: &[f32]| sampler.sample(logits).map_err(PortError::new);
        match generation.step(transformer, tokenizer, &mut sample) {
            Ok(step) => Reply::of_step(*id, step),
            Err(error) => Reply::failure(*id, &error),
        }
    }
}
