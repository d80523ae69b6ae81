//! Which tokens start and end texts.

use super::config::Config;
use super::files::Files;
use super::json;
use super::vocabulary::Vocabulary;
use crate::{StoreError, keys};
use domain_types::{MetaArray, MetaValue, Metadata};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// Writes BOS, the tokens that end a text (tokenizer_config.json's, generation_config.json's and config.json's), padding,
/// and whether a text starts with BOS. As in transformers, tokenizer.json alone decides on the last.
pub(super) fn describe(
    files: Files<'_>,
    config: &Config,
    vocabulary: &Vocabulary,
    metadata: &mut Metadata,
) -> Result<(), StoreError> {
    let tokenizer: Map<String, Value> = json::read(files, "tokenizer_config.json")?.unwrap_or_default();
    let generation: Map<String, Value> = json::read(files, "generation_config.json")?.unwrap_or_default();
    let named = |key: &str| vocabulary.ids.get(text(tokenizer.get(key)?)?).copied();
    let bos = named("bos_token").or_else(|| ids(config.bos_token_id.as_ref()).first().copied());
    if let Some(bos) = bos {
        metadata.set(keys::BOS, bos);
    }
    if let Some(padding) = named("pad_token") {
        metadata.set(keys::PADDING, padding);
    }
    let mut ends: Vec<u32> = named("eos_token").into_iter().collect();
    ends.extend(ids(generation.get("eos_token_id")));
    ends.extend(ids(config.eos_token_id.as_ref()));
    set_ends(ends, metadata);
    let start = start_of_texts(vocabulary)
        .map_err(|reason| StoreError::hugging_face(&files.path("tokenizer.json"), reason))?;
    match start {
        Some(start) if Some(start) != bos => {
            let reason =
                format!("starts texts with token {start}, which is not the BOS token; this is not supported");
            return Err(StoreError::hugging_face(&files.path("tokenizer.json"), reason));
        }
        start => metadata.set(keys::ADD_BOS, start.is_some()),
    }
    Ok(())
}

/// GGUF has three keys for tokens that end a text; a model may have more.
fn set_ends(mut ends: Vec<u32>, metadata: &mut Metadata) {
    let mut seen = HashSet::new();
    ends.retain(|&id| seen.insert(id));
    let keys = [keys::EOS, keys::EOT, keys::EOM];
    if ends.len() > keys.len() {
        metadata.set(keys::ENDS, MetaValue::Array(MetaArray::U32(ends.clone())));
    }
    for (key, id) in keys.into_iter().zip(ends) {
        metadata.set(key, id);
    }
}

/// The token that tokenizer.json puts before a single text.
fn start_of_texts(vocabulary: &Vocabulary) -> Result<Option<u32>, String> {
    let Some(name) = starts_with(&vocabulary.post_processor)? else { return Ok(None) };
    let id = vocabulary.ids.get(name).copied();
    id.map(Some).ok_or_else(|| format!("starts texts with token {name}, which is not in the vocabulary"))
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

/// The token that a post-processor puts before a single text.
fn starts_with(post_processor: &Value) -> Result<Option<&str>, String> {
    match post_processor["type"].as_str() {
        None | Some("ByteLevel") => Ok(None),
        Some("Sequence") => {
            let steps = post_processor["processors"].as_array().map_or(&[][..], Vec::as_slice);
            let mut starts = Vec::new();
            for step in steps {
                starts.extend(starts_with(step)?);
            }
            one_at_most(&starts)
        }
        Some("TemplateProcessing") => {
            let pieces = post_processor["single"].as_array().map_or(&[][..], Vec::as_slice);
            let names = pieces.iter().map_while(|piece| piece["SpecialToken"]["id"].as_str());
            one_at_most(&names.collect::<Vec<_>>())
        }
        Some(other) => Err(format!("has a post-processor of type {other}, which is not supported")),
    }
}

fn one_at_most<'a>(names: &[&'a str]) -> Result<Option<&'a str>, String> {
    match names {
        [] => Ok(None),
        [name] => Ok(Some(name)),
        _ => Err(format!("starts texts with the tokens {}, which is not supported", names.join(" "))),
    }
}
