//! Which tokens start and end texts.

use super::config::Config;
use super::family::Family;
use super::files::Files;
use super::json;
use super::vocabulary::Vocabulary;
use crate::{StoreError, keys};
use domain_types::Metadata;
use serde_json::{Map, Value};
use std::collections::HashSet;

/// Writes BOS, EOS (with the further ends that generation_config.json lists), padding, and whether a text starts
/// with BOS.
pub(super) fn describe(
    files: Files<'_>,
    config: &Config,
    family: Family,
    vocabulary: &Vocabulary,
    metadata: &mut Metadata,
) -> Result<(), StoreError> {
    let tokenizer: Map<String, Value> = json::read(files, "tokenizer_config.json")?.unwrap_or_default();
    let generation: Map<String, Value> = json::read(files, "generation_config.json")?.unwrap_or_default();
    let named = |key: &str| vocabulary.ids.get(text(tokenizer.get(key)?)?).copied();
    if let Some(bos) = named("bos_token").or_else(|| ids(config.bos_token_id.as_ref()).first().copied()) {
        metadata.set(keys::BOS, bos);
    }
    if let Some(padding) = named("pad_token") {
        metadata.set(keys::PADDING, padding);
    }
    let mut ends: Vec<u32> = named("eos_token").into_iter().collect();
    ends.extend(ids(generation.get("eos_token_id")));
    ends.extend(ids(config.eos_token_id.as_ref()));
    let mut seen = HashSet::new();
    ends.retain(|&id| seen.insert(id));
    for (key, id) in [keys::EOS, keys::EOT, keys::EOM].into_iter().zip(ends) {
        metadata.set(key, id);
    }
    let add_bos = tokenizer.get("add_bos_token").and_then(Value::as_bool);
    let start =
        starts_with(&vocabulary.post_processor).and_then(|t| vocabulary.ids.get(t)).map(|&id| u64::from(id));
    let from_template = start.is_some() && start == metadata.u64(keys::BOS);
    // llama.cpp's converter switches BOS off for every Llama vocabulary of this size (Granite, SmolLM).
    let never = family.interleaved && config.vocab_size == Some(49_152);
    metadata.set(keys::ADD_BOS, !never && add_bos.unwrap_or(from_template));
    Ok(())
}

/// A token's text, plain or in an object.
fn text(token: &Value) -> Option<&str> {
    token.as_str().or_else(|| token.get("content")?.as_str())
}

/// One id or several.
fn ids(value: Option<&Value>) -> Vec<u32> {
    let id = |v: &Value| v.as_u64().and_then(|id| u32::try_from(id).ok());
    match value {
        Some(Value::Array(list)) => list.iter().filter_map(id).collect(),
        Some(single) => id(single).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The token that a template puts before a single text.
fn starts_with(post_processor: &Value) -> Option<&str> {
    if let Some(steps) = post_processor["processors"].as_array() {
        return steps.iter().find_map(starts_with);
    }
    post_processor["single"].as_array()?.first()?["SpecialToken"]["id"].as_str()
}
