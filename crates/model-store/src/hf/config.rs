//! config.json.

mod describe;
mod keys;
mod rope;
mod support;
mod windows;

use super::family::{Biases, Family};
use super::files::Files;
use super::json;
use crate::StoreError;
use domain_types::SlidingWindow;
pub(super) use rope::{Llama3, Rope, RopeKind};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::Path;

const NAME: &str = "config.json";

/// The fields of config.json that matter. Absent ones have the defaults of transformers' class for the family.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    pub(super) num_hidden_layers: u32,
    pub(super) hidden_size: u32,
    intermediate_size: u32,
    num_attention_heads: Option<u32>,
    num_key_value_heads: Option<u32>,
    head_dim: Option<u32>,
    max_position_embeddings: Option<u32>,
    rms_norm_eps: Option<f32>,
    pub(super) vocab_size: Option<u32>,
    tie_word_embeddings: Option<bool>,
    hidden_act: Option<String>,
    hidden_activation: Option<String>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    rope_theta: Option<f32>,
    rope_local_base_freq: Option<f32>,
    rope_scaling: Option<Map<String, Value>>,
    rope_parameters: Option<Map<String, Value>>,
    original_max_position_embeddings: Option<u32>,
    partial_rotary_factor: Option<f32>,
    use_sliding_window: Option<bool>,
    max_window_layers: Option<u32>,
    sliding_window_pattern: Option<u32>,
    layer_types: Option<Vec<String>>,
    query_pre_attn_scalar: Option<f32>,
    attn_logit_softcapping: Option<f32>,
    final_logit_softcapping: Option<f32>,
    use_bidirectional_attention: Option<bool>,
    pub(super) bos_token_id: Option<Value>,
    pub(super) eos_token_id: Option<Value>,
    #[serde(default, deserialize_with = "written")]
    sliding_window: Written<u32>,
    #[serde(skip)]
    rope: Option<Rope>,
    #[serde(skip)]
    windows: Option<SlidingWindow>,
}

/// A field whose absence and whose `null` mean different things: `None` where it is absent.
type Written<T> = Option<Option<T>>;

fn written<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Written<u32>, D::Error> {
    Option::deserialize(value).map(Some)
}

impl Config {
    pub(super) fn read(files: Files<'_>) -> Result<(Self, Family), StoreError> {
        let path = files.path(NAME);
        let Some(root) = json::read::<Map<String, Value>>(files, NAME)? else {
            return Err(StoreError::hugging_face(&path, "is missing; give a folder of a Hugging Face model"));
        };
        // A model that is not known has fields that cannot be read, so the family comes first.
        let family = family(&root, &path)?;
        support::refuse_packed(&root)?;
        let fields = flat(root);
        keys::refuse_unknown(&fields, family)?;
        let bad = |e: serde_json::Error| StoreError::hugging_face(&path, format!("cannot be read: {e}"));
        let mut config: Self = serde_json::from_value(Value::Object(fields)).map_err(bad)?;
        config.refuse_unsupported(family)?;
        config.rope = Some(config.read_rope(family)?);
        config.windows = config.read_windows(family)?;
        Ok((config, family))
    }

    pub(super) fn rope(&self) -> &Rope {
        self.rope.as_ref().expect("read sets it")
    }

    pub(super) fn heads(&self, family: Family) -> u32 {
        self.num_attention_heads.unwrap_or(family.defaults.heads)
    }

    pub(super) fn kv_heads(&self, family: Family) -> u32 {
        let default = family.defaults.kv_heads.unwrap_or_else(|| self.heads(family));
        self.num_key_value_heads.unwrap_or(default)
    }

    pub(super) fn head_dim(&self, family: Family) -> u32 {
        let default =
            family.defaults.head_dim.unwrap_or_else(|| self.hidden_size / self.heads(family).max(1));
        self.head_dim.unwrap_or(default)
    }

    pub(super) fn context_length(&self, family: Family) -> u32 {
        self.max_position_embeddings.unwrap_or(family.defaults.context_length)
    }

    /// Whether the output head is the embedding where the files have none of their own.
    pub(super) fn tied(&self, family: Family) -> bool {
        self.tie_word_embeddings.unwrap_or(family.defaults.tied)
    }

    /// Whether q, k and v have biases.
    pub(super) fn qkv_bias(&self, family: Family) -> bool {
        match family.qkv_bias {
            Biases::Never => false,
            Biases::Always => true,
            Biases::Asked => self.attention_bias == Some(true),
        }
    }
}

fn family(root: &Map<String, Value>, path: &Path) -> Result<Family, StoreError> {
    match root.get("model_type").and_then(Value::as_str) {
        Some(model_type) => Family::of(model_type),
        None => {
            Err(StoreError::hugging_face(path, "does not say model_type; take it from the original model"))
        }
    }
}

/// All fields on one level: models that also see images keep the language model's one down.
fn flat(mut root: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Object(text)) = root.remove("text_config") {
        root.extend(text);
    }
    root
}
