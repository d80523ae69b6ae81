//! config.json.

mod describe;
mod rope;

pub(super) use rope::Rope;

use super::family::Family;
use super::files::Files;
use super::json;
use crate::StoreError;
use serde::Deserialize;
use serde_json::{Map, Value};

const NAME: &str = "config.json";

/// Of a head, far above any model's: tensors are made for it before weights say whether it is true.
const MOST_HEAD_DIMENSIONS: u32 = 1 << 16;

/// The fields of config.json that matter, after defaults.
#[derive(Debug, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of config.json")]
pub(super) struct Config {
    pub(super) model_type: String,
    pub(super) num_hidden_layers: u32,
    pub(super) hidden_size: u32,
    intermediate_size: u32,
    num_attention_heads: Option<u32>,
    num_key_value_heads: Option<u32>,
    head_dim: Option<u32>,
    max_position_embeddings: Option<u32>,
    rms_norm_eps: Option<f32>,
    pub(super) vocab_size: Option<u32>,
    pub(super) tie_word_embeddings: Option<bool>,
    hidden_act: Option<String>,
    hidden_activation: Option<String>,
    rope_theta: Option<f32>,
    rope_local_base_freq: Option<f32>,
    rope_scaling: Option<Value>,
    rope_parameters: Option<Value>,
    partial_rotary_factor: Option<f32>,
    sliding_window: Option<u32>,
    use_sliding_window: Option<bool>,
    sliding_window_pattern: Option<u32>,
    layer_types: Option<Vec<String>>,
    query_pre_attn_scalar: Option<f32>,
    attn_logit_softcapping: Option<f32>,
    final_logit_softcapping: Option<f32>,
    quantization_config: Option<Value>,
    num_local_experts: Option<u32>,
    pub(super) bos_token_id: Option<Value>,
    pub(super) eos_token_id: Option<Value>,
    #[serde(skip)]
    rope: Rope,
}

impl Config {
    pub(super) fn read(files: Files<'_>) -> Result<(Self, Family), StoreError> {
        let path = files.path(NAME);
        let Some(mut root) = json::read::<Map<String, Value>>(files, NAME)? else {
            return Err(StoreError::hugging_face(&path, "is missing; give a folder of a Hugging Face model"));
        };
        // Models that also see images keep the language model's fields one level down.
        if let Some(Value::Object(text)) = root.remove("text_config") {
            root.extend(text);
        }
        let bad = |e: serde_json::Error| StoreError::hugging_face(&path, format!("cannot be read: {e}"));
        let mut config: Self = serde_json::from_value(Value::Object(root)).map_err(bad)?;
        let family = Family::of(&config.model_type)?;
        config.rope = config.read_rope().map_err(bad)?;
        config.refuse_unsupported(family)?;
        Ok((config, family))
    }

    pub(super) fn rope(&self) -> &Rope {
        &self.rope
    }

    pub(super) fn heads(&self) -> u32 {
        self.num_attention_heads.unwrap_or(8)
    }

    pub(super) fn kv_heads(&self, family: Family) -> u32 {
        let default = if family == Family::Gemma3 { 4 } else { self.heads() };
        self.num_key_value_heads.unwrap_or(default)
    }

    pub(super) fn head_dim(&self, family: Family) -> u32 {
        let default = if family == Family::Gemma3 { 256 } else { self.hidden_size / self.heads().max(1) };
        self.head_dim.unwrap_or(default)
    }

    fn read_rope(&self) -> Result<Rope, serde_json::Error> {
        let found = self.rope_parameters.clone().or_else(|| self.rope_scaling.clone()).unwrap_or(Value::Null);
        let found = found.get("full_attention").cloned().unwrap_or(found);
        let mut rope = if found.is_null() { Rope::default() } else { serde_json::from_value(found)? };
        rope.rope_theta = rope.rope_theta.or(self.rope_theta);
        Ok(rope)
    }

    fn refuse_unsupported(&self, family: Family) -> Result<(), StoreError> {
        let act = self.hidden_activation.as_ref().or(self.hidden_act.as_ref());
        let scalar = if self.num_hidden_layers == 62 {
            self.hidden_size / self.heads().max(1)
        } else {
            self.head_dim(family)
        };
        let what = if self.quantization_config.is_some() {
            "a model that is already quantized".to_owned()
        } else if self.num_local_experts.is_some_and(|n| n > 0) {
            "a mixture of experts".to_owned()
        } else if act.is_some_and(|act| act != family.activation()) {
            format!("activation {act:?}")
        } else if self.partial_rotary_factor.is_some_and(|f| f != 1.0) {
            "partial rotary embedding".to_owned()
        } else if self.use_sliding_window == Some(true) && family != Family::Gemma3 {
            "a sliding window in this family".to_owned()
        } else if self.attn_logit_softcapping.is_some() {
            "a soft cap on attention".to_owned()
        } else if self.head_dim(family) > MOST_HEAD_DIMENSIONS {
            format!("a head of {} dimensions", self.head_dim(family))
        } else if self.query_pre_attn_scalar.is_some_and(|s| s != scalar as f32) {
            "this attention scale".to_owned()
        } else {
            return Ok(());
        };
        let instead = "use an unquantized dense Llama, Mistral, Qwen 2, Qwen 3 or Gemma 3 checkpoint".into();
        Err(StoreError::Unsupported { what, instead })
    }
}
