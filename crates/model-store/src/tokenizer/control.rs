//! Control tokens: those that structure a text rather than being part of it.

use super::{Inner, refuse};
use crate::{StoreError, keys};
use aho_corasick::{AhoCorasick, MatchKind};
use domain_types::{Metadata, TokenId};
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

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
    names: BTreeMap<TokenId, String>,
    /// Ids in the order of the searcher's patterns.
    ids: Vec<TokenId>,
    searcher: AhoCorasick,
}

impl ControlTokens {
    /// Special tokens of the vocabulary, and those that the model uses as such.
    pub(super) fn new<'a>(
        inner: &Inner,
        used: impl Iterator<Item = &'a TokenId>,
    ) -> Result<Self, StoreError> {
        let added = inner.get_added_tokens_decoder().into_iter();
        let mut names: BTreeMap<_, _> =
            added.filter(|(_, token)| token.special).map(|(id, token)| (id, token.content)).collect();
        names.extend(used.filter_map(|&id| Some((id, inner.id_to_token(id)?))));
        names.retain(|_, name| !name.is_empty());
        let ids = names.keys().copied().collect();
        let searcher = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(names.values())
            .map_err(|e| refuse(format!("control tokens: {e}")))?;
        Ok(Self { names, ids, searcher })
    }

    pub(super) fn contains(&self, token: TokenId) -> bool {
        self.names.contains_key(&token)
    }

    /// Where control tokens are written out in a text, from left to right, the longest where several would do.
    pub(super) fn find(&self, text: &str) -> impl Iterator<Item = (Range<usize>, TokenId)> {
        self.searcher.find_iter(text).map(|m| (m.range(), self.ids[m.pattern().as_usize()]))
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
    inner: &Inner,
    metadata: &Metadata,
    vocab_size: usize,
) -> Result<Vec<TokenId>, StoreError> {
    let mut ends = Vec::new();
    for key in [keys::EOS, keys::EOT, keys::EOM] {
        ends.extend(id_in(metadata, key, vocab_size)?);
    }
    let added = inner.get_added_tokens_decoder();
    let special = |id: &TokenId| added.get(id).is_some_and(|token| token.special);
    ends.extend(END_NAMES.iter().filter_map(|name| inner.token_to_id(name)).filter(special));
    let mut seen = HashSet::new();
    ends.retain(|&id| seen.insert(id));
    Ok(ends)
}
