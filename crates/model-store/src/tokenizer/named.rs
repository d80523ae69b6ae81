//! Tokens that are found in text by their names, before all else.

use super::refuse;
use crate::StoreError;
use daachorse::{DoubleArrayAhoCorasick, DoubleArrayAhoCorasickBuilder, MatchKind};
use domain_types::TokenId;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// A token with the text that stands for it.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub(super) id: TokenId,
    pub(super) text: String,
    pub(super) affix: Affix,
}

/// What around a name belongs to it, as Hugging Face's added tokens have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Affix {
    /// White space before it is part of it (`lstrip`).
    pub(super) left: bool,
    /// White space after it is part of it (`rstrip`).
    pub(super) right: bool,
    /// It is no name inside a word (`single_word`).
    pub(super) whole_word: bool,
}

impl Name {
    pub(super) fn plain(id: TokenId, text: impl Into<String>) -> Self {
        Self { id, text: text.into(), affix: Affix::default() }
    }
}

/// Names of tokens, searched for together.
pub(super) struct Named {
    /// `None` for no names. Values are places in `names`.
    searcher: Option<DoubleArrayAhoCorasick<u32>>,
    names: Vec<Name>,
}

impl Named {
    /// Of tokens with the same name the first is found; names without text are none.
    pub(super) fn new(tokens: impl IntoIterator<Item = Name>) -> Result<Self, StoreError> {
        let mut places = BTreeMap::new();
        let mut names = Vec::new();
        for name in tokens {
            if !name.text.is_empty() && !places.contains_key(&name.text) {
                places.insert(name.text.clone(), names.len() as u32);
                names.push(name);
            }
        }
        if names.is_empty() {
            return Ok(Self { searcher: None, names });
        }
        let builder = DoubleArrayAhoCorasickBuilder::new().match_kind(MatchKind::LeftmostLongest);
        let searcher =
            builder.build_with_values(places).map_err(|e| refuse(format!("names of tokens: {e}")))?;
        Ok(Self { searcher: Some(searcher), names })
    }

    /// Appends the tokens that are written out in a text, the longest where several would do, and what `between` appends
    /// for the text around them. `between` is told whether its piece starts the text.
    pub(super) fn encode(
        &self,
        text: &str,
        tokens: &mut Vec<TokenId>,
        between: impl Fn(&str, bool, &mut Vec<TokenId>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut rest = 0;
        for found in self.searcher.iter().flat_map(|searcher| searcher.leftmost_find_iter(text)) {
            let name = &self.names[found.value() as usize];
            // White space after the name before may reach into this one.
            let range = found.start().max(rest)..found.end();
            if range.is_empty() || (name.affix.whole_word && is_inside_word(text, &range)) {
                continue;
            }
            let range = name.affix.extended(text, range, rest);
            between(&text[rest..range.start], rest == 0, tokens)?;
            tokens.push(name.id);
            rest = range.end;
        }
        between(&text[rest..], rest == 0, tokens)
    }
}

impl Affix {
    /// The range with the white space that belongs to it, from `from` on.
    fn extended(self, text: &str, range: Range<usize>, from: usize) -> Range<usize> {
        let before = &text[from..range.start];
        let start = if self.left { from + before.trim_end().len() } else { range.start };
        let after = &text[range.end..];
        let end = if self.right { text.len() - after.trim_start().len() } else { range.end };
        start..end
    }
}

fn is_inside_word(text: &str, range: &Range<usize>) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text[..range.start].ends_with(is_word) || text[range.end..].starts_with(is_word)
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named").finish_non_exhaustive()
    }
}
