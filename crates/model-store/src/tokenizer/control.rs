//! Control tokens: those that structure a text rather than being part of it.

use super::named::Named;
use super::{Pipeline, refuse};
use crate::{StoreError, keys};
use domain_types::{Metadata, TokenId};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Names under which model families end a turn or a text. Files often list one and mean several.
const END_NAMES: [&str; 8] = [
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<end_of_turn>",
    "<|end|>",
    "</s>",
];

#[derive(Debug)]
pub(super) struct ControlTokens {
    ids: BTreeSet<TokenId>,
    names: Named,
}

impl ControlTokens {
    /// Special tokens of the vocabulary, and those that the model uses as such.
    pub(super) fn new<'a>(
        pipeline: &dyn Pipeline,
        used: impl Iterator<Item = &'a TokenId>,
    ) -> Result<Self, StoreError> {
        let mut tokens: BTreeMap<_, _> = pipeline.special().into_iter().collect();
        tokens.extend(used.filter_map(|&id| Some((id, pipeline.token(id)?))));
        tokens.retain(|_, name| !name.is_empty());
        let names = Named::new(tokens.iter().map(|(&id, name)| (name.as_str(), id)))?;
        Ok(Self { ids: tokens.into_keys().collect(), names })
    }

    pub(super) fn contains(&self, token: TokenId) -> bool {
        self.ids.contains(&token)
    }

    /// Appends the tokens of a text in which control tokens may be written out.
    pub(super) fn encode(
        &self,
        pipeline: &dyn Pipeline,
        text: &str,
        tokens: &mut Vec<TokenId>,
    ) -> Result<(), StoreError> {
        self.names.encode(text, tokens, |text, tokens| pipeline.encode(text, tokens))
    }
}

/// A token id from metadata, which must be in the vocabulary.
pub(super) fn id_in(
    metadata: &Metadata,
    key: &'static str,
    vocab_size: usize,
) -> Result<Option<TokenId>, StoreError> {
    match metadata.u64(key) {
        None => Ok(None),
        Some(id) if id < vocab_size as u64 => Ok(Some(id as TokenId)),
        Some(id) => Err(refuse(format!("{key} is {id}, the vocabulary has {vocab_size} tokens"))),
    }
}

/// Tokens that end generation: those that the file names, and special tokens with a well-known name.
pub(super) fn end_tokens(
    pipeline: &dyn Pipeline,
    metadata: &Metadata,
    vocab_size: usize,
) -> Result<Vec<TokenId>, StoreError> {
    let mut ends = Vec::new();
    for key in [keys::EOS, keys::EOT, keys::EOM] {
        ends.extend(id_in(metadata, key, vocab_size)?);
    }
    let special: BTreeSet<_> = pipeline.special().into_iter().map(|(id, _)| id).collect();
    let known = END_NAMES.iter().filter_map(|name| pipeline.token_id(name));
    ends.extend(known.filter(|id| special.contains(id)));
    let mut seen = HashSet::new();
    ends.retain(|&id| seen.insert(id));
    Ok(ends)
}
