//! Control tokens: those that structure a text rather than being part of it.

use super::named::{Name, Named};
use super::{Pipeline, refuse};
use crate::{StoreError, keys};
use domain_types::{MetaValue, Metadata, TokenId};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Names under which model families end a turn or a text, as in llama.cpp. Files often list one and mean several, and do
/// not always say that they are special.
const END_NAMES: [&str; 18] = [
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
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
        let mut tokens: BTreeMap<_, _> = pipeline.special().into_iter().map(|name| (name.id, name)).collect();
        for &id in used {
            if let Some(text) = pipeline.token(id) {
                tokens.entry(id).or_insert_with(|| Name::plain(id, text));
            }
        }
        tokens.retain(|_, name| !name.text.is_empty());
        let names = Named::new(tokens.values().cloned())?;
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
        self.names.encode(text, tokens, |text, at_start, tokens| pipeline.encode(text, at_start, tokens))
    }
}

/// The token that starts a text of a model that asks for one.
pub(super) fn bos(metadata: &Metadata, vocab_size: usize) -> Result<Option<TokenId>, StoreError> {
    match metadata.u64(keys::BOS) {
        Some(id) if id >= vocab_size as u64 => {
            Err(refuse(format!("{} is {id}, the vocabulary has {vocab_size} tokens", keys::BOS)))
        }
        id => Ok(id.map(|id| id as TokenId)),
    }
}

/// Tokens that end generation: those that the file names, and tokens with a well-known name. Ids outside the vocabulary
/// end nothing, because they are never drawn.
pub(super) fn end_tokens(pipeline: &dyn Pipeline, metadata: &Metadata, vocab_size: usize) -> Vec<TokenId> {
    let mut ends: Vec<u64> =
        [keys::EOS, keys::EOT, keys::EOM].iter().filter_map(|key| metadata.u64(key)).collect();
    ends.extend(metadata.get(keys::ENDS).and_then(MetaValue::as_u64s).into_iter().flatten());
    ends.extend(END_NAMES.iter().filter_map(|name| pipeline.token_id(name)).map(u64::from));
    let mut seen = HashSet::new();
    ends.retain(|&id| id < vocab_size as u64 && seen.insert(id));
    ends.into_iter().map(|id| id as TokenId).collect()
}
