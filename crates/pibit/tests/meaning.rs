//! What files say against what the network computes: from config.json or GGUF metadata to logits.
//!
//! Contexts that are right one by one can be wrong together, so these tests go the whole way.

#[path = "meaning/every_key.rs"]
mod every_key;
#[path = "meaning/mixtures.rs"]
mod mixtures;
#[path = "meaning/model.rs"]
mod model;

use domain_types::TensorSource;
use model::{Case, TOLERANCE, difference, golden};
use serde_json::{Value, json};

#[test]
fn logits_are_those_of_transformers() {
    let golden = golden();
    for (name, case) in &golden.cases {
        let spread = case.logits.iter().flatten().fold(0.0_f32, |most, x| most.max(x.abs()));
        assert!(spread > 1.0, "{name}: logits of size {spread} would hide errors");
        let worst = case
            .folder()
            .and_then(|folder| golden.logits(&folder))
            .map(|found| difference(&found, &case.logits));
        assert!(worst.as_ref().is_ok_and(|&worst| worst < TOLERANCE), "{name}: {worst:?}");
    }
}

/// Every feature changes something here: a case that equals its base would not notice if it were ignored.
#[test]
fn every_case_differs_from_its_base() {
    let golden = golden();
    let same = [
        "llama type of old",
        "llama both types",
        "llama yarn one mscale",
        "gemma3 tied by default",
        "gemma3 local base absent",
    ];
    let mut seen: Vec<(&String, &Case)> = Vec::new();
    for (name, case) in &golden.cases {
        let twin = seen.iter().find(|(_, other)| {
            let alike =
                other.config["model_type"] == case.config["model_type"] && other.tensors == case.tensors;
            alike && difference(&other.logits, &case.logits) < 10.0 * TOLERANCE
        });
        let expected =
            same.contains(&name.as_str()) || twin.is_none_or(|(other, _)| same.contains(&other.as_str()));
        assert!(expected, "{name} is as {}", twin.expect("there is one").0);
        seen.push((name, case));
    }
}

/// The same through a GGUF file: all that matters is in its metadata and tensors.
#[test]
fn a_gguf_file_says_the_same() {
    let golden = golden();
    for (name, case) in &golden.cases {
        let folder = case.folder().expect("it is a model");
        let gguf = model::as_gguf(&folder, folder.metadata().clone());
        let found = gguf.and_then(|gguf| golden.logits(&gguf)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let worst = difference(&found, &case.logits);
        assert!(worst < TOLERANCE, "{name}: off by {worst}");
    }
}

/// Of a tied model either matrix may be the one that is stored.
#[test]
fn a_tied_model_may_store_its_head_only() {
    let golden = golden();
    let case = &golden.cases["llama tied"];
    let head = |name: &str| name.replace("model.embed_tokens.weight", "lm_head.weight");
    let folder = case.folder_stored(&case.config, head).expect("it is complete");
    assert!(folder.spec().expect("it is a model").tied_embeddings);
    let worst = difference(&golden.logits(&folder).expect("it runs"), &case.logits);
    assert!(worst < TOLERANCE, "off by {worst}");
}

/// What transformers computes in a way that has no place here, or refuses itself.
#[test]
fn what_is_not_computed_is_refused() {
    let golden = golden();
    let scaling = |fields: Value| json!({ "rope_scaling": fields });
    let cases = [
        ("qwen2", json!({ "use_sliding_window": true, "max_window_layers": 1 }), "this order of global"),
        (
            "qwen2",
            json!({ "layer_types": ["sliding_attention", "sliding_attention"] }),
            "without sliding_window",
        ),
        (
            "mistral",
            json!({ "layer_types": ["sliding_attention", "full_attention"] }),
            "Mistral model with layer_types",
        ),
        ("llama", json!({ "layer_types": ["sliding_attention", "sliding_attention"] }), "layer_types"),
        (
            "llama",
            scaling(json!({ "type": "linear", "rope_type": "yarn", "factor": 2.0 })),
            "rope_type `yarn`",
        ),
        ("llama", scaling(json!({ "rope_type": "linear" })), "factor"),
        (
            "llama",
            scaling(json!({ "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0 })),
            "high_freq_factor",
        ),
        ("llama", scaling(json!({ "rope_type": "dynamic", "factor": 2.0 })), "dynamic"),
        (
            "llama",
            scaling(json!({ "rope_type": "yarn", "factor": 2.0, "llama_4_scaling_beta": 0.1 })),
            "llama_4_scaling_beta",
        ),
        ("gemma3", scaling(json!({ "type": "linear", "factor": 8.0 })), "without `rope_type`"),
        ("gemma3", json!({ "rope_parameters": { "rope_theta": 1e6 } }), "rope_parameters.rope_theta"),
        (
            "gemma3",
            json!({ "rope_parameters": { "sliding_attention": { "rope_type": "linear", "factor": 2.0 } } }),
            "rope_parameters.sliding_attention",
        ),
        (
            "gemma3",
            json!({ "layer_types": ["sliding_attention", "sliding_attention", "full_attention", "full_attention"] }),
            "order",
        ),
        ("gemma3", json!({ "sliding_window": null }), "without sliding_window"),
        ("gemma3", json!({ "use_bidirectional_attention": true }), "bidirectional"),
        ("llama", json!({ "vocab_size": 41 }), "vocab_size = 41"),
        ("llama", json!({ "attention_bias": true }), "biases"),
    ];
    for (name, fields, reason) in cases {
        let case = &golden.cases[name];
        let mut config = case.config.clone();
        config.extend(fields.as_object().expect("an object").clone());
        let error = case.folder_with(&config).map(|_| ()).expect_err(&format!("{name} with {fields}"));
        assert!(error.contains(reason), "{name} with {fields}: {error}");
    }
}
