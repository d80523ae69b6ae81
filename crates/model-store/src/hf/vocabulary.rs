//! tokenizer.json as GGUF's vocabulary, so that llama.cpp can read the model; our own tokenizer reads the JSON.

use super::files::Files;
use super::json;
use super::tokenizer_json::TokenizerJson;
use crate::{StoreError, keys, pre_tokenization, token_type};
use domain_types::{MetaArray, MetaValue, Metadata};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

const NAME: &str = "tokenizer.json";

/// What else the folder's description needs of tokenizer.json.
pub(super) struct Vocabulary {
    pub(super) ids: HashMap<String, u32>,
    /// The step that adds tokens around a text.
    pub(super) post_processor: Value,
}

/// Writes the vocabulary with one token per row of the embedding, and the whole file.
pub(super) fn describe(
    files: Files<'_>,
    rows: usize,
    metadata: &mut Metadata,
) -> Result<Option<Vocabulary>, StoreError> {
    let path = files.path(NAME);
    let Some(text) = json::text(files, NAME)? else { return Ok(None) };
    let json = read(&path, &text)?;
    let mut ids = json.model.vocab.clone();
    ids.extend(json.added_tokens.iter().map(|token| (token.content.clone(), token.id)));
    refuse_huge(&path, &ids, rows)?;
    set_tokens(&json, &ids, rows, metadata);
    if json.model.byte_fallback {
        set_sentence_piece(&json, rows, metadata);
    } else {
        set_byte_level(&path, &json, metadata)?;
    }
    if let Some(&id) = json.model.unk_token.as_ref().and_then(|unk| ids.get(unk)) {
        metadata.set(keys::UNKNOWN, id);
    }
    metadata.set(keys::HUGGING_FACE, text);
    Ok(Some(Vocabulary { ids, post_processor: json.post_processor }))
}

/// The file, if its model is byte-pair encoding. The type comes first: other models have other fields.
fn read(path: &Path, text: &str) -> Result<TokenizerJson, StoreError> {
    let value: Value = json::parse(path, text)?;
    match value["model"]["type"].as_str() {
        None | Some("BPE") => serde_json::from_value(value)
            .map_err(|e| StoreError::hugging_face(path, format!("cannot be read: {e}"))),
        Some(other) => Err(StoreError::Unsupported {
            what: format!("tokenizer model `{other}`"),
            instead: "use a model with a BPE tokenizer".into(),
        }),
    }
}

/// A few tokens more than rows are usual: of images, of padding. They are never embedded, or the text that has one is
/// refused.
fn refuse_huge(path: &Path, ids: &HashMap<String, u32>, rows: usize) -> Result<(), StoreError> {
    match ids.iter().find(|&(_, &id)| id as usize >= rows.saturating_mul(2)) {
        None => Ok(()),
        Some((token, id)) => {
            let reason =
                format!("token `{token}` has id {id}, the embedding has {rows} rows; is it this model's?");
            Err(StoreError::hugging_face(path, reason))
        }
    }
}

fn set_tokens(json: &TokenizerJson, ids: &HashMap<String, u32>, rows: usize, metadata: &mut Metadata) {
    let mut tokens: Vec<String> = (0..rows).map(|id| format!("[PAD{id}]")).collect();
    let mut types = vec![token_type::UNUSED; rows];
    for (token, &id) in ids.iter().filter(|&(_, &id)| (id as usize) < rows) {
        tokens[id as usize].clone_from(token);
        let byte = json.model.byte_fallback && token_type::byte(token).is_some();
        types[id as usize] = if byte { token_type::BYTE } else { token_type::NORMAL };
    }
    for added in json.added_tokens.iter().filter(|added| (added.id as usize) < rows) {
        // llama.cpp wants user-defined tokens as they stand in the text.
        let (kind, text) = if added.special {
            (token_type::CONTROL, added.content.clone())
        } else {
            (token_type::USER_DEFINED, added.content.replace(token_type::SPACE_MARK, " "))
        };
        types[added.id as usize] = kind;
        tokens[added.id as usize] = text;
    }
    if let Some(&unk) = json.model.unk_token.as_ref().and_then(|unk| ids.get(unk))
        && (unk as usize) < rows
    {
        types[unk as usize] = token_type::UNKNOWN;
    }
    metadata.set(keys::TOKENS, tokens);
    metadata.set(keys::TOKEN_TYPE, MetaValue::Array(MetaArray::I32(types)));
}

fn set_byte_level(path: &Path, json: &TokenizerJson, metadata: &mut Metadata) -> Result<(), StoreError> {
    let merges = json.model.merges.iter().map(|m| m.pair().map(|(l, r)| format!("{l} {r}")));
    let merges: Option<Vec<String>> = merges.collect();
    let merges = merges.ok_or_else(|| StoreError::hugging_face(path, "a merge is not a pair"))?;
    metadata.set(keys::MODEL, "gpt2");
    metadata.set(keys::MERGES, merges);
    if let Some(pre) = patterns(&json.pre_tokenizer).and_then(|p| pre_tokenization::by_patterns(&p)) {
        metadata.set(keys::PRE, pre.names[0]);
    }
    Ok(())
}

/// SentencePiece wants a score per token: the earlier its first merge, the better.
fn set_sentence_piece(json: &TokenizerJson, rows: usize, metadata: &mut Metadata) {
    let mut scores = vec![-1e6_f32; rows];
    for (rank, merge) in json.model.merges.iter().enumerate().rev() {
        let joint = merge.pair().map(|(left, right)| format!("{left}{right}"));
        if let Some(&id) = joint.and_then(|joint| json.model.vocab.get(&joint))
            && (id as usize) < rows
        {
            scores[id as usize] = -(rank as f32);
        }
    }
    metadata.set(keys::MODEL, "llama");
    metadata.set(keys::PRE, "default");
    metadata.set(keys::SCORES, MetaValue::Array(MetaArray::F32(scores)));
    let prepends = prepends_space(&json.normalizer) || prepends_space(&json.pre_tokenizer);
    metadata.set(keys::ADD_SPACE_PREFIX, prepends);
}

/// The patterns by which a pre-tokenizer cuts, one after the other; `None` where it does anything else.
fn patterns(pre: &Value) -> Option<Vec<&str>> {
    let steps = match pre["type"].as_str()? {
        "Sequence" => pre["pretokenizers"].as_array()?.as_slice(),
        _ => std::slice::from_ref(pre),
    };
    let mut patterns = Vec::new();
    for step in steps {
        match step["type"].as_str()? {
            "Digits" if step["individual_digits"] == true => patterns.push(pre_tokenization::DIGIT),
            "Split" if step["behavior"] == "Isolated" => patterns.push(step["pattern"]["Regex"].as_str()?),
            "ByteLevel" if step["use_regex"] != false => patterns.push(pre_tokenization::GPT2),
            "ByteLevel" => {}
            _ => return None,
        }
    }
    Some(patterns)
}

/// Whether a pipeline puts a space before the text.
fn prepends_space(pipeline: &Value) -> bool {
    match pipeline {
        Value::Object(map) => {
            let here = match map.get("type").and_then(Value::as_str) {
                Some("Prepend") => true,
                Some("Metaspace") => map.get("prepend_scheme").is_none_or(|scheme| scheme != "never"),
                _ => false,
            };
            here || map.values().any(prepends_space)
        }
        Value::Array(steps) => steps.iter().any(prepends_space),
        _ => false,
    }
}
