//! Which keys of an architecture's namespace are known. Any other changes what the model computes, for all we know.

use crate::StoreError;
use domain_types::{MetaArray, MetaValue, TensorSource};

/// Keys that the specification is made from.
const HONOURED: [&str; 33] = [
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.layer_norm_rms_epsilon",
    "attention.scale",
    "attention.sliding_window",
    "attention.sliding_window_pattern",
    "attention.value_length",
    "block_count",
    "context_length",
    "embedding_length",
    "expert_count",
    "expert_feed_forward_length",
    "expert_shared_feed_forward_length",
    "expert_used_count",
    "expert_weights_norm",
    "feed_forward_length",
    "final_logit_softcapping",
    "rope.dimension_count",
    "rope.freq_base",
    "rope.freq_base_swa",
    "rope.scale_linear",
    "rope.scaling.attn_factor",
    "rope.scaling.factor",
    "rope.scaling.original_context_length",
    "rope.scaling.type",
    "rope.scaling.yarn_beta_fast",
    "rope.scaling.yarn_beta_slow",
    "rope.scaling.yarn_truncate",
    "attention.key_length_swa",
    "attention.value_length_swa",
    "rope.dimension_count_swa",
    "embedding_scale",
];

/// Keys that do not change logits.
const HARMLESS: [&str; 6] = [
    // Of LayerNorm, which none of these families has.
    "attention.layer_norm_epsilon",
    "pooling_type",
    "rope.scaling.finetuned",
    // A leftover of converters of 2023: the order of q and k is GGUF's all the same.
    "tensor_data_layout",
    // Whether experts are stored as one tensor is seen from the tensors.
    "expert_shared_count",
    // The embedding's rows count.
    "vocab_size",
];

/// Beginnings of keys of what is not the language model.
const APART: [&str; 4] = ["vision.", "mm.", "audio.", "classifier."];

/// Keys of computations that no family here has, with the values that leave them out.
const NEUTRAL: [(&str, &[f64]); 28] = [
    ("attention.causal", &[1.0]),
    ("attention.clamp_kqv", &[0.0]),
    ("attention.max_alibi_bias", &[0.0]),
    ("attention.output_scale", &[1.0]),
    ("attention.shared_kv_layers", &[0.0]),
    ("attention.temperature_length", &[0.0]),
    ("attention.temperature_scale", &[0.0]),
    ("attn_logit_softcapping", &[0.0]),
    ("decoder_block_count", &[0.0]),
    ("expert_chunk_feed_forward_length", &[0.0]),
    ("expert_gating_func", &[0.0, 1.0]),
    ("expert_group_count", &[0.0, 1.0]),
    ("expert_group_scale", &[1.0]),
    ("expert_group_used_count", &[0.0, 1.0]),
    ("expert_weights_scale", &[0.0, 1.0]),
    ("experts_per_group", &[0.0]),
    ("interleave_moe_layer_step", &[1.0]),
    ("leading_dense_block_count", &[0.0]),
    ("logit_scale", &[1.0]),
    ("moe_every_n_layers", &[0.0, 1.0]),
    ("n_deepstack_layers", &[0.0]),
    ("nextn_predict_layers", &[0.0]),
    ("residual_scale", &[1.0]),
    ("rope.scaling.yarn_attn_factor", &[1.0]),
    ("rope.scaling.yarn_ext_factor", &[1.0]),
    ("rope.scaling.yarn_log_multiplier", &[0.0]),
    ("router_logit_softcapping", &[0.0]),
    ("use_parallel_residual", &[0.0]),
];

/// Refuses keys of the architecture that would be passed over although they mean something.
pub(super) fn refuse_unknown(source: &dyn TensorSource, architecture: &str) -> Result<(), StoreError> {
    for (key, value) in source.metadata().iter() {
        let name = key.strip_prefix(architecture).and_then(|rest| rest.strip_prefix('.'));
        if name.is_some_and(|name| !is_known(name, value)) {
            return Err(StoreError::Unsupported {
                what: format!("metadata key `{key}`{}", shown(value)),
                instead: format!(
                    "it may change what a {architecture} model computes; use a model without it"
                ),
            });
        }
    }
    Ok(())
}

fn is_known(name: &str, value: &MetaValue) -> bool {
    let neutral = NEUTRAL.iter().find(|(key, _)| *key == name);
    HONOURED.contains(&name)
        || HARMLESS.contains(&name)
        || APART.iter().any(|start| name.starts_with(start))
        || neutral.is_some_and(|(_, values)| number(value).is_some_and(|n| values.contains(&n)))
}

/// A number or a truth value.
fn number(value: &MetaValue) -> Option<f64> {
    match value {
        MetaValue::Bool(b) => Some(f64::from(u8::from(*b))),
        other => other.as_u64().map(|n| n as f64).or_else(|| other.as_f32().map(f64::from)),
    }
}

fn shown(value: &MetaValue) -> String {
    match (number(value), value) {
        (Some(n), MetaValue::Bool(_)) => format!(" = {}", n == 1.0),
        (Some(n), _) => format!(" = {n}"),
        (None, MetaValue::String(s)) if s.len() <= 40 => format!(" = {s}"),
        (None, MetaValue::Array(MetaArray::Bool(_))) => " with truth values".into(),
        _ => String::new(),
    }
}
