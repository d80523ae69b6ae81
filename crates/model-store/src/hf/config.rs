//! config.json.

use super::family::Family;
use super::json;
use crate::StoreError;
use domain_types::{MetaValue, Metadata};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::Path;

/// The fields of config.json that matter, after defaults.
#[derive(Debug, Deserialize)]
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

/// Position embedding, from whichever of its places in config.json.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Rope {
    pub(super) rope_theta: Option<f32>,
    #[serde(alias = "type")]
    pub(super) rope_type: Option<String>,
    pub(super) factor: Option<f32>,
    pub(super) low_freq_factor: Option<f32>,
    pub(super) high_freq_factor: Option<f32>,
    pub(super) original_max_position_embeddings: Option<u32>,
}

impl Config {
    pub(super) fn read(folder: &Path) -> Result<(Self, Family), StoreError> {
        let path = folder.join("config.json");
        let Some(mut root) = json::read::<Map<String, Value>>(&path)? else {
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
        } else if self.query_pre_attn_scalar.is_some_and(|s| s != scalar as f32) {
            "this attention scale".to_owned()
        } else {
            return Ok(());
        };
        let instead = "use an unquantized dense Llama, Mistral, Qwen 2, Qwen 3 or Gemma 3 checkpoint".into();
        Err(StoreError::Unsupported { what, instead })
    }

    /// Writes the network's description under GGUF keys.
    pub(super) fn describe(&self, family: Family, metadata: &mut Metadata) -> Result<(), StoreError> {
        let architecture = family.architecture();
        metadata.set("general.architecture", architecture);
        metadata.set("general.type", "model");
        let gemma = family == Family::Gemma3;
        let head_dim = self.head_dim(family);
        let mut set = |key: &str, value: MetaValue| metadata.set(format!("{architecture}.{key}"), value);
        set("block_count", self.num_hidden_layers.into());
        set("embedding_length", self.hidden_size.into());
        set("feed_forward_length", self.intermediate_size.into());
        set(
            "context_length",
            self.max_position_embeddings.unwrap_or(if gemma { 131_072 } else { 2048 }).into(),
        );
        set("attention.head_count", self.heads().into());
        set("attention.head_count_kv", self.kv_heads(family).into());
        set("attention.layer_norm_rms_epsilon", self.rms_norm_eps.unwrap_or(1e-6).into());
        set("attention.key_length", head_dim.into());
        set("attention.value_length", head_dim.into());
        set("rope.dimension_count", head_dim.into());
        set("rope.freq_base", self.rope.rope_theta.unwrap_or(if gemma { 1e6 } else { 1e4 }).into());
        if let Some(cap) = self.final_logit_softcapping {
            set("final_logit_softcapping", cap.into());
        }
        if gemma {
            self.describe_windows(&mut set)?;
        }
        self.describe_rope_scaling(&mut set)
    }

    fn describe_windows(&self, set: &mut impl FnMut(&str, MetaValue)) -> Result<(), StoreError> {
        let pattern = match &self.layer_types {
            Some(types) => window_pattern(types)?,
            None => self.sliding_window_pattern.unwrap_or(6),
        };
        if let (Some(window), true) = (self.sliding_window, pattern > 1) {
            set("attention.sliding_window", window.into());
            set("attention.sliding_window_pattern", pattern.into());
            set("rope.freq_base_swa", self.rope_local_base_freq.unwrap_or(10_000.0).into());
        }
        Ok(())
    }

    fn describe_rope_scaling(&self, set: &mut impl FnMut(&str, MetaValue)) -> Result<(), StoreError> {
        let missing = |field: &str| StoreError::missing(format!("rope_scaling.{field}"));
        let kind = self.rope.rope_type.as_deref().unwrap_or("default");
        match kind {
            "default" | "llama3" => return Ok(()), // llama3 becomes the tensor rope_freqs.weight
            "linear" => {}
            "yarn" => {
                let original = self.rope.original_max_position_embeddings.or(self.max_position_embeddings);
                let original = original.ok_or_else(|| missing("original_max_position_embeddings"))?;
                set("rope.scaling.original_context_length", original.into());
            }
            other => {
                return Err(StoreError::Unsupported {
                    what: format!("RoPE scaling `{other}`"),
                    instead: "default, linear, yarn and llama3 are".into(),
                });
            }
        }
        set("rope.scaling.type", kind.into());
        set("rope.scaling.factor", self.rope.factor.ok_or_else(|| missing("factor"))?.into());
        Ok(())
    }
}

/// The period at which global layers come, which must be the same throughout.
fn window_pattern(types: &[String]) -> Result<u32, StoreError> {
    let global = |kind: &String| kind == "full_attention";
    let pattern = types.iter().position(global).map_or(types.len() + 1, |at| at + 1);
    let regular = types.iter().enumerate().all(|(i, kind)| global(kind) == (i + 1).is_multiple_of(pattern));
    if regular {
        return Ok(pattern as u32);
    }
    let instead = "global layers must come at a fixed period".into();
    Err(StoreError::Unsupported { what: "this order of layer_types".into(), instead })
}
