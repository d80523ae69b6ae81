//! The vocabulary in GGUF metadata.

use super::refuse;
use crate::{StoreError, keys, token_type};
use domain_types::{MetaArray, MetaValue, Metadata, TokenId};

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
    pub(super) fn ids(&self) -> impl Iterator<Item = (&'a String, TokenId)> {
        self.tokens.iter().zip(0..)
    }

    /// Those of some types.
    pub(super) fn of_type(&self, kinds: &[i32]) -> impl Iterator<Item = (&'a str, TokenId)> {
        let chosen = self.ids().filter(|&(_, id)| kinds.contains(&self.token_type(id as usize)));
        chosen.map(|(token, id)| (token.as_str(), id))
    }
}
