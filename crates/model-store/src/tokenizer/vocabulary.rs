//! The vocabulary in GGUF metadata.

use super::refuse;
use crate::{StoreError, keys, token_type};
use domain_types::{MetaArray, MetaValue, Metadata, TokenId};

/// Integers of any width.
fn kinds(value: &MetaValue) -> Option<Vec<i32>> {
    match value {
        MetaValue::Array(MetaArray::I32(types)) => Some(types.clone()),
        other => other.as_u64s()?.into_iter().map(|n| i32::try_from(n).ok()).collect(),
    }
}

pub(super) struct Vocabulary<'a> {
    pub(super) tokens: &'a [String],
    types: Option<Vec<i32>>,
}

impl<'a> Vocabulary<'a> {
    pub(super) fn read(metadata: &'a Metadata) -> Result<Self, StoreError> {
        let tokens = metadata.get(keys::TOKENS).and_then(MetaValue::as_strings);
        let tokens = tokens.ok_or_else(|| StoreError::missing(keys::TOKENS))?;
        let types =
            match metadata.get(keys::TOKEN_TYPE) {
                None => None,
                Some(value) => {
                    let types = kinds(value).filter(|types| types.len() == tokens.len());
                    Some(types.ok_or_else(|| {
                        refuse(format!("{} must be one integer per token", keys::TOKEN_TYPE))
                    })?)
                }
            };
        if tokens.is_empty() {
            return Err(refuse("the vocabulary is empty"));
        }
        Ok(Self { tokens, types })
    }

    pub(super) fn token_type(&self, id: usize) -> i32 {
        self.types.as_ref().map_or(token_type::NORMAL, |types| types[id])
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
