//! tokenizer.json, run by Hugging Face's own crate.

use super::named::{Affix, Name};
use super::{Pipeline, refuse};
use crate::StoreError;
use domain_types::TokenId;
use serde_json::Value;
use tokenizers::Tokenizer;

/// What the file describes. Control tokens in text are found outside of it, so it sees the pieces between them.
#[derive(Debug)]
pub(super) struct HuggingFace {
    tokenizer: Tokenizer,
    /// For pieces that do not start a text, where these are cut differently.
    later: Option<Tokenizer>,
}

pub(super) fn build(json: &str) -> Result<HuggingFace, StoreError> {
    let mut value: Value = serde_json::from_str(json).map_err(|e| refuse(format!("tokenizer.json: {e}")))?;
    let tokenizer = read(&value)?;
    keep_ids(&value, &tokenizer)?;
    let later = not_at_the_start(&mut value).then(|| read(&value)).transpose()?;
    Ok(HuggingFace { tokenizer, later })
}

fn read(json: &Value) -> Result<Tokenizer, StoreError> {
    let mut tokenizer =
        Tokenizer::from_bytes(json.to_string()).map_err(|e| refuse(format!("tokenizer.json: {e}")))?;
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(|e| refuse(e.to_string()))?;
    // Control tokens in text are found by us and not by the crate, which can only be told so once for all texts.
    tokenizer.set_encode_special_tokens(true);
    Ok(tokenizer)
}

/// The crate gives added tokens the ids that come next, whatever the file says.
fn keep_ids(json: &Value, tokenizer: &Tokenizer) -> Result<(), StoreError> {
    for token in json["added_tokens"].as_array().into_iter().flatten() {
        let (Some(content), Some(id)) = (token["content"].as_str(), token["id"].as_u64()) else { continue };
        let given = tokenizer.token_to_id(content).map(u64::from);
        if given != Some(id) {
            let given = given.map_or("none".into(), |id| id.to_string());
            return Err(refuse(format!(
                "tokenizer.json gives the added token `{content}` the id {id}, but its id would be {given}: ids must \
                 follow each other without gaps; fetch the original file"
            )));
        }
    }
    Ok(())
}

/// Turns `Metaspace` steps that mark the start of a text into ones that mark nothing. False where there are none.
fn not_at_the_start(json: &mut Value) -> bool {
    match json.get_mut("pre_tokenizer") {
        Some(step) => unmark(step),
        None => false,
    }
}

fn unmark(step: &mut Value) -> bool {
    if let Some(steps) = step.get_mut("pretokenizers").and_then(Value::as_array_mut) {
        let changed: Vec<bool> = steps.iter_mut().map(unmark).collect();
        return changed.contains(&true);
    }
    let marks_first = step["type"] == "Metaspace" && step["prepend_scheme"] == "first";
    if marks_first {
        step["prepend_scheme"] = "never".into();
    }
    marks_first
}

impl Pipeline for HuggingFace {
    fn encode(&self, text: &str, at_start: bool, tokens: &mut Vec<TokenId>) -> Result<(), StoreError> {
        let tokenizer = self.later.as_ref().filter(|_| !at_start).unwrap_or(&self.tokenizer);
        let encoding = tokenizer.encode_fast(text, false).map_err(|e| refuse(e.to_string()))?;
        tokens.extend(encoding.get_ids());
        Ok(())
    }

    fn decode(&self, tokens: &[TokenId]) -> Result<String, StoreError> {
        (*self.tokenizer).decode(tokens, true).map_err(|e| refuse(e.to_string()))
    }

    fn token_id(&self, token: &str) -> Option<TokenId> {
        self.tokenizer.token_to_id(token)
    }

    fn token(&self, id: TokenId) -> Option<String> {
        self.tokenizer.id_to_token(id)
    }

    fn end(&self) -> usize {
        self.tokenizer.get_vocab(true).into_values().max().map_or(0, |top| top as usize + 1)
    }

    fn special(&self) -> Vec<Name> {
        let added = self.tokenizer.get_added_tokens_decoder().into_iter();
        let special = added.filter(|(_, token)| token.special);
        special
            .map(|(id, token)| {
                let affix = Affix { left: token.lstrip, right: token.rstrip, whole_word: token.single_word };
                Name { id, text: token.content, affix }
            })
            .collect()
    }
}
