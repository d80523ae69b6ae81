//! GGUF vocabularies at work: byte-pair merges, around them the form in which a vocabulary has text.

use super::named::{Name, Named};
use super::vocabulary::Vocabulary;
use super::{Pipeline, refuse};
use crate::{StoreError, token_type};
use domain_types::TokenId;
use std::fmt;
use tokenizers::Model;
use tokenizers::models::bpe::{BPE, BpeBuilder, Merges, Vocab};

/// Takes a word.
pub(super) type Take<'a> = &'a mut dyn FnMut(&str) -> Result<(), StoreError>;

/// How text is written in the tokens of a vocabulary.
pub(super) trait Form: fmt::Debug + Send + Sync {
    /// Gives the words of a text, as they are written in tokens.
    fn words(&self, text: &str, word: Take<'_>) -> Result<(), StoreError>;

    /// The text of tokens.
    fn text(&self, tokens: &[&str]) -> String;
}

#[derive(Debug)]
pub(super) struct Merging {
    form: Box<dyn Form>,
    bpe: BPE,
    tokens: Vec<String>,
    special: Vec<Name>,
    /// Tokens that were added to the vocabulary: words that are found before all else.
    defined: Named,
}

impl Merging {
    /// `merges`: pairs, those that are merged first before the others.
    pub(super) fn new(
        vocabulary: &Vocabulary<'_>,
        merges: Merges,
        form: Box<dyn Form>,
        settings: impl FnOnce(BpeBuilder) -> BpeBuilder,
    ) -> Result<Self, StoreError> {
        let vocab: Vocab = vocabulary.ids().map(|(token, id)| (token.clone(), id)).collect();
        let bpe = settings(BPE::builder().vocab_and_merges(vocab, merges)).build();
        let special = vocabulary.of_type(&[token_type::CONTROL, token_type::UNKNOWN]);
        let defined = vocabulary.of_type(&[token_type::USER_DEFINED]);
        Ok(Self {
            form,
            bpe: bpe.map_err(|e| refuse(e.to_string()))?,
            tokens: vocabulary.tokens.to_vec(),
            special: special.map(|(token, id)| Name::plain(id, token)).collect(),
            defined: Named::new(defined.map(|(token, id)| Name::plain(id, token)))?,
        })
    }

    fn merge(&self, text: &str, tokens: &mut Vec<TokenId>) -> Result<(), StoreError> {
        self.form.words(text, &mut |word| {
            let merged = self.bpe.tokenize(word).map_err(|e| refuse(e.to_string()))?;
            tokens.extend(merged.iter().map(|token| token.id));
            Ok(())
        })
    }
}

impl Pipeline for Merging {
    fn encode(&self, text: &str, _at_start: bool, tokens: &mut Vec<TokenId>) -> Result<(), StoreError> {
        self.defined.encode(text, tokens, |text, _, tokens| self.merge(text, tokens))
    }

    fn decode(&self, tokens: &[TokenId]) -> Result<String, StoreError> {
        let known = tokens.iter().filter_map(|&id| self.tokens.get(id as usize));
        Ok(self.form.text(&known.map(String::as_str).collect::<Vec<_>>()))
    }

    fn token_id(&self, token: &str) -> Option<TokenId> {
        self.bpe.token_to_id(token)
    }

    fn token(&self, id: TokenId) -> Option<String> {
        self.tokens.get(id as usize).cloned()
    }

    fn end(&self) -> usize {
        self.tokens.len()
    }

    fn special(&self) -> Vec<Name> {
        self.special.clone()
    }
}
