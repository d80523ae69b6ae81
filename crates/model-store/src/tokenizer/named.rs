//! Tokens that are found in text by their names, before all else.

use super::refuse;
use crate::StoreError;
use daachorse::{DoubleArrayAhoCorasick, DoubleArrayAhoCorasickBuilder, MatchKind};
use domain_types::TokenId;
use std::collections::BTreeMap;
use std::fmt;

/// Names of tokens, searched for together.
pub(super) struct Named {
    /// `None` for no names.
    searcher: Option<DoubleArrayAhoCorasick<TokenId>>,
}

impl Named {
    /// Of tokens with the same name the first is found; names without text are none.
    pub(super) fn new<'a>(tokens: impl IntoIterator<Item = (&'a str, TokenId)>) -> Result<Self, StoreError> {
        let mut ids = BTreeMap::new();
        for (name, id) in tokens {
            if !name.is_empty() {
                ids.entry(name).or_insert(id);
            }
        }
        if ids.is_empty() {
            return Ok(Self { searcher: None });
        }
        let builder = DoubleArrayAhoCorasickBuilder::new().match_kind(MatchKind::LeftmostLongest);
        let searcher = builder.build_with_values(ids).map_err(|e| refuse(format!("names of tokens: {e}")))?;
        Ok(Self { searcher: Some(searcher) })
    }

    /// Appends the tokens that are written out in a text, the longest where several would do, and what `between` appends
    /// for the text around them.
    pub(super) fn encode(
        &self,
        text: &str,
        tokens: &mut Vec<TokenId>,
        between: impl Fn(&str, &mut Vec<TokenId>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut rest = 0;
        for found in self.searcher.iter().flat_map(|searcher| searcher.leftmost_find_iter(text)) {
            between(&text[rest..found.start()], tokens)?;
            tokens.push(found.value());
            rest = found.end();
        }
        between(&text[rest..], tokens)
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named").finish_non_exhaustive()
    }
}
