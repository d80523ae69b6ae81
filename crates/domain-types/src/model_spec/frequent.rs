//! Rows of the embedding that are kept apart.

use crate::{DomainError, MetaArray, MetaValue, Metadata, TokenId};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Tokens whose rows of the embedding are a tensor of their own, in more bits than the rest.
///
/// Rounding errors of a row count as often as its token: in the look-up where the token is read, and in a tied head
/// where it is probable. A few tokens are most of any text, so their rows are worth more bits. Where a file has this,
/// row i of [`TENSOR`](Self::TENSOR) stands for row `tokens[i]` of `token_embd.weight`, which holds zeros there. A
/// runtime looks those rows up in it, and replaces the logits of these tokens if the embedding is the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrequentTokens(Vec<TokenId>);

impl FrequentTokens {
    /// Name of the tensor: tokens × width, in the basis of the embedding's rows.
    pub const TENSOR: &str = "token_embd.frequent.weight";

    /// Metadata key of the tokens, ascending.
    pub const KEY: &str = "pibit.embedding.frequent_tokens";

    /// Fails where there are none, where they do not ascend, and where one is not of the vocabulary.
    pub fn new(tokens: Vec<TokenId>, vocab: usize) -> Result<Self, DomainError> {
        let sound = tokens.is_sorted_by(|a, b| a < b) && tokens.last().is_some_and(|t| (*t as usize) < vocab);
        if sound {
            return Ok(Self(tokens));
        }
        let text: String = format!(
            "metadata key {} must list ascending tokens below {vocab}; quantize the model again",
            Self::KEY
        );
        Err(DomainError::BadSpec(text))
    }

    /// What a model's metadata says; `None` where all rows are together.
    pub fn read(metadata: &Metadata, vocab: usize) -> Result<Option<Self>, DomainError> {
        let Some(value) = metadata.get(Self::KEY) else { return Ok(None) };
        let tokens = value.as_u64s().unwrap_or_default().into_iter().map(TokenId::try_from);
        Self::new(tokens.collect::<Result<_, _>>().unwrap_or_default(), vocab).map(Some)
    }

    /// Sets the metadata key that [`read`](Self::read) reads.
    pub fn write(&self, metadata: &mut Metadata) {
        metadata.set(Self::KEY, MetaValue::Array(MetaArray::U32(self.0.clone())));
    }

    /// The tokens, ascending; at least one.
    pub fn tokens(&self) -> &[TokenId] {
        &self.0
    }

    /// The row that stands for a token.
    pub fn row_of(&self, token: TokenId) -> Option<usize> {
        self.0.binary_search(&token).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    #[test]
    fn metadata_says_what_was_written() {
        let mut metadata = Metadata::new();
        assert_eq!(FrequentTokens::read(&metadata, 9), Ok(None));
        let tokens = FrequentTokens::new(vec![1, 4, 8], 9).expect("sound");
        tokens.write(&mut metadata);
        assert_eq!(FrequentTokens::read(&metadata, 9), Ok(Some(tokens.clone())));
        assert_eq!([0, 1, 8].map(|token| tokens.row_of(token)), [None, Some(0), Some(2)]);
        let error = FrequentTokens::read(&metadata, 8).expect_err("8 is no token").to_string();
        assert!(error.contains(FrequentTokens::KEY), "{error}");
    }

    #[test]
    fn unsound_lists_are_refused() {
        for tokens in [vec![], vec![2, 1], vec![1, 1], vec![9]] {
            assert!(FrequentTokens::new(tokens, 9).is_err());
        }
        let mut metadata = Metadata::new();
        for damaged in [MetaValue::Bool(true), MetaValue::Array(MetaArray::U64(vec![1, 1 << 40]))] {
            metadata.set(FrequentTokens::KEY, damaged);
            assert!(FrequentTokens::read(&metadata, 9).is_err());
        }
    }
}
