//! Which fields of config.json are known. Any other may change what the model computes.

use crate::StoreError;
use crate::hf::family::{Family, Windows};
use serde_json::{Map, Value};

/// Fields that are read for every family.
const COMMON: [&str; 22] = [
    "attention_bias",
    "bos_token_id",
    "eos_token_id",
    "head_dim",
    "hidden_act",
    "hidden_size",
    "intermediate_size",
    "max_position_embeddings",
    "mlp_bias",
    "model_type",
    "num_attention_heads",
    "num_hidden_layers",
    "num_key_value_heads",
    "original_max_position_embeddings",
    "partial_rotary_factor",
    "quantization_config",
    "rms_norm_eps",
    "rope_parameters",
    "rope_scaling",
    "rope_theta",
    "tie_word_embeddings",
    "vocab_size",
];

const MISTRAL: [&str; 2] = ["layer_types", "sliding_window"];
const QWEN: [&str; 4] = ["layer_types", "max_window_layers", "sliding_window", "use_sliding_window"];
const GEMMA: [&str; 9] = [
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "hidden_activation",
    "layer_types",
    "query_pre_attn_scalar",
    "rope_local_base_freq",
    "sliding_window",
    "sliding_window_pattern",
    "use_bidirectional_attention",
];

/// Fields that do not change logits: of training, of generation, of other programs, of the parts for images.
const HARMLESS: [&str; 60] = [
    "architectures",
    "attn_implementation",
    "audio_config",
    "auto_map",
    "bad_words_ids",
    "cache_implementation",
    "chunk_size_feed_forward",
    "cross_attention_hidden_size",
    "diversity_penalty",
    "do_sample",
    "dtype",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "exponential_decay_length_penalty",
    "finetuning_task",
    "gradient_checkpointing",
    "id2label",
    "image_size",
    "is_decoder",
    "is_llama_config",
    "label2id",
    "layer_norm_eps",
    "length_penalty",
    "license",
    "max_length",
    "max_new_tokens",
    "max_sequence_length",
    "max_window_layers",
    "min_length",
    "mm_tokens_per_image",
    "model_max_length",
    "name_or_path",
    "neftune_noise_alpha",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_labels",
    "num_return_sequences",
    "pretraining_tp",
    "problem_type",
    "processor_class",
    "projector_hidden_act",
    "pruned_heads",
    "remove_invalid_values",
    "repetition_penalty",
    "return_dict",
    "return_dict_in_generate",
    "seq_length",
    "suppress_tokens",
    "task_specific_params",
    "temperature",
    "tokenizer_class",
    "top_k",
    "top_p",
    "typical_p",
    "use_bfloat16",
    "use_cache",
    "use_return_dict",
    "vision_config",
    "vision_feature_layer",
];
const HARMLESS_STARTS: [&str; 6] = ["_", "unsloth", "torch", "transformers", "output_", "tf_"];
const HARMLESS_ENDS: [&str; 5] = ["_token_id", "_token_ids", "_token_index", "_version", "_dropout"];
const HARMLESS_PARTS: [&str; 4] = ["dropout", "initializer", "flash_attn", "flash_attention"];

/// Refuses fields that are neither read nor known to be harmless, unless their value leaves out what they stand for.
pub(super) fn refuse_unknown(fields: &Map<String, Value>, family: Family) -> Result<(), StoreError> {
    let own: &[&str] = match family.windows {
        Windows::None => &[],
        Windows::All => &MISTRAL,
        Windows::Late => &QWEN,
        Windows::Periodic => &GEMMA,
    };
    for (key, value) in fields {
        let read = COMMON.contains(&key.as_str()) || own.contains(&key.as_str());
        if !read && !is_harmless(key) && !is_off(key, value) {
            return Err(StoreError::Unsupported {
                what: format!("field `{key}`{} of config.json", shown(value)),
                instead: "it may change what the model computes; remove it if it does not".into(),
            });
        }
    }
    Ok(())
}

fn is_harmless(key: &str) -> bool {
    HARMLESS.contains(&key)
        || HARMLESS_STARTS.iter().any(|start| key.starts_with(start))
        || HARMLESS_ENDS.iter().any(|end| key.ends_with(end))
        || HARMLESS_PARTS.iter().any(|part| key.contains(part))
}

/// Whether a field says that there is nothing of its kind.
fn is_off(key: &str, value: &Value) -> bool {
    let factor = ["multiplier", "scale", "scaling"].iter().any(|end| key.ends_with(end));
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(n) => n.as_f64() == Some(if factor { 1.0 } else { 0.0 }),
        Value::String(s) => s.is_empty(),
        Value::Array(a) if key == "layer_types" => a.iter().all(|kind| kind == "full_attention"),
        Value::Array(a) => a.is_empty(),
        Value::Object(o) => o.is_empty(),
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.len() <= 40 { format!(" = {text}") } else { String::new() }
}
