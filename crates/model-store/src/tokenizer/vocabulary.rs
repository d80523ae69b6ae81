//! The vocabulary in GGUF metadata.

use super::{Inner, refuse};
use crate::{StoreError, keys, token_type};
use domain_types::{MetaArray, MetaValue, Metadata};
use tokenizers::AddedToken;

pub(super) struct Vocabulary<'a> {
    pub(super) tokens: &'a [String],
    types: Option<&'a [i32]>,
}

impl<'a> Vocabulary<'a> {
    pub(super) fn read(metadata: &'a Metadata) -> Result<Self, StoreError> {
        let tokens = metadata.get(keys::TOKENS).and_then(MetaValue::as_strings);
        let tokens = tokens.ok_or_else(|| StoreError::missing(keys::TOKENS))?;
        let types = match metadata.get(keys::TOKEN_TYPE) {
            None => None,
            Some(MetaValue::Array(MetaArray::I32(types))) if types.len() == tokens.len() => {
                Some(types.as_slice())
            }
            Some(_) => return Err(refuse(format!("{} must be one i32 per token", keys::TOKEN_TYPE))),
        };
        if tokens.is_empty() {
            return Err(refuse("the vocabulary is empty"));
        }
        Ok(Self { tokens, types })
    }

    pub(super) fn token_type(&self, id: usize) -> i32 {
        self.types.map_or(token_type::NORMAL, |types| types[id])
    }

    /// Tokens with their ids.
    pub(super) fn ids(&self) -> impl Iterator<Item = (&'a String, u32)> {
        self.tokens.iter().zip(0..)
    }

    /// Makes control tokens special, and user-defined tokens whole words that are found before all else.
    pub(super) fn add_special(&self, inner: &mut Inner) -> Result<(), StoreError> {
        let of_type = |kinds: &'static [i32], special| {
            let chosen = (0..self.tokens.len()).filter(move |&id| kinds.contains(&self.token_type(id)));
            chosen.map(move |id| AddedToken::from(self.tokens[id].as_str(), special).normalized(false))
        };
        let control = of_type(&[token_type::CONTROL, token_type::UNKNOWN], true);
        inner.add_special_tokens(control).map_err(|e| refuse(e.to_string()))?;
        inner.add_tokens(of_type(&[token_type::USER_DEFINED], false)).map_err(|e| refuse(e.to_string()))?;
        Ok(())
    }
}
