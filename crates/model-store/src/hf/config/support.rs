//! What config.json may ask for that is not computed here.

use super::Config;
use crate::StoreError;
use crate::hf::family::{Biases, Family};
use serde_json::{Map, Value};

/// Of a head, far above any model's: tensors are made for it before weights say whether it is true.
const MOST_HEAD_DIMENSIONS: u32 = 1 << 16;

/// Packed weights and experts, at either level of the file.
pub(super) fn refuse_packed(root: &Map<String, Value>) -> Result<(), StoreError> {
    let text = root.get("text_config").and_then(Value::as_object);
    let said = |fields: &Map<String, Value>| {
        // `quantization` is MLX's word.
        ["quantization_config", "quantization", "compression_config"]
            .iter()
            .any(|key| fields.get(*key).is_some_and(|value| !value.is_null()))
    };
    if said(root) || text.is_some_and(said) {
        return unsupported("a model that is already quantized");
    }
    let experts = |fields: &Map<String, Value>| {
        ["num_local_experts", "num_experts", "n_routed_experts"]
            .iter()
            .any(|key| fields.get(*key).and_then(Value::as_u64).is_some_and(|n| n > 0))
    };
    if experts(root) || text.is_some_and(experts) {
        return unsupported("a mixture of experts");
    }
    Ok(())
}

impl Config {
    pub(super) fn refuse_unsupported(&self, family: Family) -> Result<(), StoreError> {
        let activation = if family.gemma { &self.hidden_activation } else { &self.hidden_act };
        let activation = activation.as_deref().unwrap_or(family.activation);
        if !is_same(activation, family.activation) {
            return unsupported(&format!("activation {activation}"));
        }
        let (heads, head_dim) = (self.heads(family), self.head_dim(family));
        let asked = [
            (self.mlp_bias == Some(true), "a bias in the feed-forward layer"),
            (
                family.qkv_bias == Biases::Never && self.attention_bias == Some(true),
                "attention_bias in this family",
            ),
            (self.partial_rotary_factor.is_some_and(|f| f != 1.0), "partial rotary embedding"),
            (self.attn_logit_softcapping.is_some(), "a soft cap on attention"),
            (self.use_bidirectional_attention == Some(true), "bidirectional attention"),
            (
                self.head_dim.is_none() && !divides(heads, self.hidden_size),
                "a width that is no multiple of heads",
            ),
        ];
        if head_dim > MOST_HEAD_DIMENSIONS {
            return unsupported(&format!("a head of {head_dim} dimensions"));
        }
        asked.iter().find(|(asked, _)| *asked).map_or(Ok(()), |(_, what)| unsupported(what))
    }

    /// What scores are multiplied by.
    pub(super) fn attention_scale(&self, family: Family) -> f32 {
        let scalar = if family.gemma {
            // transformers' default, whatever the width of a head.
            self.query_pre_attn_scalar.unwrap_or(256.0)
        } else {
            self.head_dim(family) as f32
        };
        1.0 / scalar.sqrt()
    }
}

fn divides(heads: u32, width: u32) -> bool {
    heads > 0 && width.is_multiple_of(heads)
}

fn is_same(activation: &str, expected: &str) -> bool {
    activation == expected || (expected == "silu" && activation == "swish")
}

fn unsupported<T>(what: &str) -> Result<T, StoreError> {
    let instead = "use an unquantized dense Llama, Mistral, Qwen 2, Qwen 3 or Gemma 3 checkpoint".into();
    Err(StoreError::Unsupported { what: what.into(), instead })
}
