//! SentencePiece BPE with byte fallback (Llama 2, Mistral, Gemma): `tokenizer.ggml.model` = `llama`.

use super::merging::{Form, Merging, Take};
use super::vocabulary::Vocabulary;
use super::{refuse, truth};
use crate::token_type::{NORMAL, SPACE_MARK};
use crate::{StoreError, keys, token_type};
use domain_types::{MetaValue, Metadata};
use std::collections::HashMap;

pub(super) fn build(metadata: &Metadata) -> Result<Merging, StoreError> {
    let vocabulary = Vocabulary::read(metadata)?;
    let unknown = metadata.u64(keys::UNKNOWN).unwrap_or(0);
    let unknown = usize::try_from(unknown).ok().and_then(|id| vocabulary.tokens.get(id));
    let unknown = unknown.ok_or_else(|| refuse(format!("{} is outside the vocabulary", keys::UNKNOWN)))?;
    let form = SentencePiece { prefix: truth(metadata, keys::ADD_SPACE_PREFIX)?.unwrap_or(true) };
    Merging::new(&vocabulary, merges(&vocabulary, metadata)?, Box::new(form), |bpe| {
        bpe.unk_token(unknown.clone()).fuse_unk(true).byte_fallback(true)
    })
}

/// SentencePiece joins the neighbours whose joint token has the best score. The same as merge rules: every way to
/// split a token into two tokens, ordered by the token's score.
fn merges(vocabulary: &Vocabulary<'_>, metadata: &Metadata) -> Result<Vec<(String, String)>, StoreError> {
    let scores = metadata.get(keys::SCORES).and_then(MetaValue::as_f32s);
    let scores = scores.filter(|s| s.len() == vocabulary.tokens.len() && s.iter().all(|x| !x.is_nan()));
    let scores = scores.ok_or_else(|| refuse(format!("{} must be one number per token", keys::SCORES)))?;
    let normal = |id: &u32| vocabulary.token_type(*id as usize) == NORMAL;
    let ids: HashMap<&str, u32> =
        vocabulary.ids().filter(|(_, id)| normal(id)).map(|(token, id)| (token.as_str(), id)).collect();
    let mut rules = Vec::new();
    for (&token, &id) in &ids {
        for (at, _) in token.char_indices().skip(1) {
            let (left, right) = token.split_at(at);
            if let (Some(&l), Some(&r)) = (ids.get(left), ids.get(right)) {
                rules.push((scores[id as usize], id, l, r, left, right));
            }
        }
    }
    // NaN was refused above, so the order is total; ids make it the same every time.
    rules.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2, a.3).cmp(&(b.1, b.2, b.3))));
    Ok(rules.into_iter().map(|(.., left, right)| (left.to_owned(), right.to_owned())).collect())
}

/// Text as one word, with marks for its spaces.
#[derive(Debug)]
struct SentencePiece {
    /// With one more in front, where the model was trained so.
    prefix: bool,
}

impl Form for SentencePiece {
    fn words(&self, text: &str, word: Take<'_>) -> Result<(), StoreError> {
        if text.is_empty() {
            return Ok(());
        }
        let prefix = self.prefix.then_some(' ');
        let marked = prefix.into_iter().chain(text.chars()).map(|c| if c == ' ' { SPACE_MARK } else { c });
        word(&marked.collect::<String>())
    }

    fn text(&self, tokens: &[&str]) -> String {
        let mut text = String::new();
        let mut bytes = Vec::new();
        for token in tokens {
            if let Some(byte) = token_type::byte(token) {
                bytes.push(byte);
            } else {
                push_bytes(&mut bytes, &mut text);
                text.extend(token.chars().map(|c| if c == SPACE_MARK { ' ' } else { c }));
            }
        }
        push_bytes(&mut bytes, &mut text);
        if self.prefix && text.starts_with(' ') {
            text.remove(0);
        }
        text
    }
}

/// Bytes that are no text become one U+FFFD each, as in Hugging Face's crate.
fn push_bytes(bytes: &mut Vec<u8>, text: &mut String) {
    match std::str::from_utf8(bytes) {
        Ok(valid) => text.push_str(valid),
        Err(_) => text.extend(bytes.iter().map(|_| char::REPLACEMENT_CHARACTER)),
    }
    bytes.clear();
}
