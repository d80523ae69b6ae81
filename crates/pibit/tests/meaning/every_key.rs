//! Properties of each reader: a known key that changes to another valid value changes the logits, or the file is refused.
//! What is excepted is listed.

use crate::model::{Case, Logits, TOLERANCE, as_gguf, difference, golden};
use domain_types::{MetaArray, MetaValue, TensorSource};
use serde_json::{Map, Value, json};

/// Fields of config.json that change nothing, with the reason.
fn is_harmless_field(path: &str, case: &Case) -> bool {
    let says = |field: &str, value: Value| case.config.get(field) == Some(&value);
    let windowed = case.config.get("layer_types").is_some();
    match path {
        // Memory, not logits, unless a scaling counts from it.
        "max_position_embeddings" => !scales_by_context(case),
        // They say which layers see windows, where there are any.
        "sliding_window" | "max_window_layers" => {
            says("use_sliding_window", json!(false)) || says("layer_types", json!(vec!["full_attention"; 4]))
        }
        "sliding_window_pattern" => windowed,
        "rope_theta" => all_windowed(case),
        // A head of its own is kept in any case.
        "tie_word_embeddings" => case.tensors.contains_key("lm_head.weight"),
        // The tensors' names say how many there are, and a shape that does not fit is refused.
        "rope_local_base_freq" => says("layer_types", json!(vec!["full_attention"; 4])),
        "rope_scaling.original_max_position_embeddings" => {
            case.config.contains_key("original_max_position_embeddings")
        }
        // One alone says nothing, as in transformers.
        "rope_scaling.mscale" | "rope_scaling.mscale_all_dim" => !has_both_scales(case),
        _ => false,
    }
}

fn scales_by_context(case: &Case) -> bool {
    let fields = case.config.get("rope_scaling").or(case.config.get("rope_parameters"));
    let says = |key: &str| fields.is_some_and(|fields| fields.get(key).is_some());
    let kind = fields.and_then(|fields| fields.get("rope_type")).and_then(Value::as_str);
    ["yarn", "llama3"].iter().any(|&k| Some(k) == kind) && !says("original_max_position_embeddings")
}

fn has_both_scales(case: &Case) -> bool {
    let scaling = case.config.get("rope_scaling");
    ["mscale", "mscale_all_dim"].iter().all(|key| scaling.is_some_and(|fields| fields.get(key).is_some()))
}

#[test]
fn every_field_of_config_json_counts() {
    let golden = golden();
    let mut wrong = Vec::new();
    for (name, case) in &golden.cases {
        for (path, config) in changes(&case.config) {
            let found = case.folder_with(&config).and_then(|folder| golden.logits(&folder));
            let same = is_without_effect(&found, case);
            if same != is_harmless_field(&path, case) {
                wrong.push(format!("{name}: {path} = {} has no effect: {same}", shown(&config, &path)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Fields of other families' computations, in a file of one that has none of them.
#[test]
fn fields_of_other_computations_are_refused() {
    let golden = golden();
    let foreign = [
        ("residual_multiplier", json!(0.5)),
        ("logits_scaling", json!(8.0)),
        ("logit_scale", json!(0.0625)),
        ("embedding_multiplier", json!(12.0)),
        ("attention_multiplier", json!(0.1)),
        ("clip_qkv", json!(8.0)),
        ("no_rope_layers", json!([0, 1])),
        ("rope_interleaved", json!(true)),
        ("num_local_experts", json!(4)),
        ("quantization_config", json!({ "quant_method": "gptq" })),
        ("quantization", json!({ "bits": 4 })),
        ("mlp_bias", json!(true)),
        ("partial_rotary_factor", json!(0.5)),
        ("num_nextn_predict_layers", json!(1)),
        ("use_sliding_window", json!(true)),
    ];
    for (name, case) in
        golden.cases.iter().filter(|(name, _)| ["llama", "mistral", "gemma3"].contains(&name.as_str()))
    {
        for (key, value) in &foreign {
            let mut config = case.config.clone();
            config.insert((*key).to_owned(), value.clone());
            assert!(case.folder_with(&config).is_err(), "{name} with {key} = {value}");
            config.insert((*key).to_owned(), Value::Null);
            assert!(case.folder_with(&config).is_ok(), "{name} with {key} = null");
        }
    }
}

#[test]
fn every_key_of_a_gguf_file_counts() {
    let golden = golden();
    let mut wrong = Vec::new();
    for (name, case) in &golden.cases {
        let folder = case.folder().expect("it is a model");
        let architecture = folder.spec().expect("it is a model").architecture;
        for (key, value) in folder.metadata().iter() {
            let Some(short) = key.strip_prefix(&format!("{architecture}.")) else { continue };
            for other in other_values(value) {
                let mut metadata = folder.metadata().clone();
                metadata.set(key, other.clone());
                let found = as_gguf(&folder, metadata).and_then(|gguf| golden.logits(&gguf));
                let same = is_without_effect(&found, case);
                if same != is_harmless_key(short, case) {
                    wrong.push(format!("{name}: {key} = {other:?} has no effect: {same}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Keys of a GGUF file that change nothing: memory, and what the tensors say already.
fn is_harmless_key(key: &str, case: &Case) -> bool {
    match key {
        "context_length" | "vocab_size" => true,
        "rope.freq_base" => all_windowed(case),
        _ => false,
    }
}

/// No layer has the global rotation.
fn all_windowed(case: &Case) -> bool {
    case.config.get("layer_types") == Some(&json!(vec!["sliding_attention"; 4]))
}

#[test]
fn gguf_keys_of_other_computations_are_refused() {
    let golden = golden();
    let floats = |value: f32| MetaValue::F32(value);
    let foreign = [
        ("attention.causal", MetaValue::Bool(false)),
        ("attention.clamp_kqv", floats(8.0)),
        ("attention.max_alibi_bias", floats(8.0)),
        ("attention.temperature_scale", floats(0.1)),
        ("attn_logit_softcapping", floats(50.0)),
        ("expert_gating_func", MetaValue::U32(2)),
        ("expert_weights_scale", floats(2.5)),
        ("leading_dense_block_count", MetaValue::U32(1)),
        ("logit_scale", floats(0.25)),
        ("nextn_predict_layers", MetaValue::U32(1)),
        ("residual_scale", floats(0.5)),
        ("rope.dimension_sections", MetaValue::Array(MetaArray::U32(vec![8, 12, 12, 0]))),
        ("rope.scaling.attn_factor", floats(1.5)),
        ("rope.scaling.yarn_log_multiplier", floats(0.1)),
        ("attention.key_length_swa", MetaValue::U32(4)),
        ("something.new", MetaValue::U32(1)),
    ];
    let case = &golden.cases["llama"];
    let folder = case.folder().expect("it is a model");
    for (key, value) in foreign {
        let mut metadata = folder.metadata().clone();
        metadata.set(format!("llama.{key}"), value.clone());
        let gguf = as_gguf(&folder, metadata).expect("a file as such");
        let error = gguf.spec().err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains(key), "{key} = {value:?}: {error}");
    }
    // Honoured: the scales that other files leave to the family.
    for key in ["attention.scale", "embedding_scale"] {
        let mut metadata = folder.metadata().clone();
        metadata.set(format!("llama.{key}"), 0.7_f32);
        let found = as_gguf(&folder, metadata).and_then(|gguf| golden.logits(&gguf));
        assert!(found.is_ok() && !is_without_effect(&found, case), "{key}");
    }
}

/// Whether a change was computed and had no effect.
fn is_without_effect(found: &Logits, case: &Case) -> bool {
    found.as_ref().is_ok_and(|found| difference(found, &case.logits) < TOLERANCE)
}

/// config.json with one field changed, for each field; fields of objects within by their path.
fn changes(config: &Map<String, Value>) -> Vec<(String, Map<String, Value>)> {
    let mut all = Vec::new();
    for (key, value) in config {
        if let Value::Object(fields) = value {
            for (path, inner) in changes(fields) {
                let mut changed = config.clone();
                changed.insert(key.clone(), Value::Object(inner));
                all.push((format!("{key}.{path}"), changed));
            }
            continue;
        }
        for other in others(key, value) {
            let mut changed = config.clone();
            changed.insert(key.clone(), other);
            all.push((key.clone(), changed));
        }
    }
    all
}

/// Other values that the field may have.
fn others(key: &str, value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(b) => vec![json!(!b)],
        // The tokens must still fit.
        Value::Number(n) if key == "max_position_embeddings" => vec![json!(n.as_u64().unwrap_or(0) * 2)],
        Value::Number(n) if n.is_u64() => {
            let factor = if key.starts_with("original") { 8 } else { 2 };
            let mut all = vec![json!(n.as_u64().unwrap_or(0) * factor), json!(1)];
            all.retain(|other| other != value);
            all
        }
        Value::Number(n) => vec![json!(other_float(n.as_f64().unwrap_or(0.0)))],
        Value::String(s) => match (key, s.as_str()) {
            ("model_type", "llama") => vec![json!("qwen2"), json!("gemma3_text")],
            ("model_type", "mistral") => vec![json!("qwen2"), json!("nonsense")],
            ("model_type", _) => vec![json!("llama"), json!("nonsense")],
            ("rope_type" | "type", "linear") => vec![json!("yarn"), json!("dynamic"), json!("default")],
            ("rope_type" | "type", _) => vec![json!("linear"), json!("longrope")],
            _ => vec![json!("gelu"), json!("relu2")],
        },
        Value::Null => vec![json!(3)],
        Value::Array(_) => {
            vec![json!(["sliding_attention", "full_attention", "full_attention", "full_attention"])]
        }
        Value::Object(_) => Vec::new(),
    }
}

/// Far enough to be seen: norms' ε are small beside activations.
fn other_float(x: f64) -> f64 {
    if x < 1e-3 { x * 1000.0 } else { x * 4.0 }
}

pub(crate) fn other_values(value: &MetaValue) -> Vec<MetaValue> {
    match value {
        MetaValue::U32(0) => vec![MetaValue::U32(2)],
        MetaValue::U32(n) => vec![MetaValue::U32(n * 8 + 8)],
        MetaValue::F32(x) => vec![MetaValue::F32(other_float((*x).into()) as f32)],
        MetaValue::Bool(b) => vec![MetaValue::Bool(!b)],
        MetaValue::String(s) if s == "linear" => vec![MetaValue::String("none".into())],
        MetaValue::String(_) => vec![MetaValue::String("linear".into()), MetaValue::String("new".into())],
        other => panic!("no other value of {other:?}"),
    }
}

fn shown(config: &Map<String, Value>, path: &str) -> String {
    let mut at = Value::Object(config.clone());
    for key in path.split('.') {
        at = at.get(key).cloned().unwrap_or(Value::Null);
    }
    at.to_string()
}
