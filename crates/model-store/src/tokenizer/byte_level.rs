//! Byte-level BPE (GPT-2 and after): `tokenizer.ggml.model` = `gpt2`.

use super::vocabulary::Vocabulary;
use super::{Inner, pre_tokenization, refuse};
use crate::pre_tokenization::PreTokenization;
use crate::{StoreError, keys};
use domain_types::{MetaValue, Metadata};
use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{PreTokenizerWrapper, SplitDelimiterBehavior};

/// The tokenizer, and whether a text starts with BOS where the file does not say.
pub(super) fn build(metadata: &Metadata) -> Result<(Inner, bool), StoreError> {
    let vocabulary = Vocabulary::read(metadata)?;
    let name = metadata.str(keys::PRE).unwrap_or("default");
    let pre = pre_tokenization::by_name(name).ok_or_else(|| StoreError::Unsupported {
        what: format!("pre-tokenizer `{name}`"),
        instead: format!("known are {}", known().join(", ")),
    })?;
    let model = BPE::builder()
        .vocab_and_merges(
            vocabulary
                .ids()
                .map(|(token, id)| (token.clone(), id))
                .collect::<tokenizers::models::bpe::Vocab>(),
            merges(metadata)?,
        )
        .ignore_merges(pre.ignore_merges)
        .build()
        .map_err(|e| refuse(e.to_string()))?;
    let mut inner = Inner::new(model);
    inner.with_pre_tokenizer(Some(splitter(pre)?));
    inner.with_decoder(Some(ByteLevel::new(false, false, false)));
    vocabulary.add_special(&mut inner)?;
    Ok((inner, pre.add_bos))
}

fn known() -> Vec<&'static str> {
    pre_tokenization::ALL.iter().flat_map(|p| p.names).copied().collect()
}

/// Pairs, most frequent first, written as `left right`.
fn merges(metadata: &Metadata) -> Result<Vec<(String, String)>, StoreError> {
    let merges = metadata.get(keys::MERGES).and_then(MetaValue::as_strings);
    let merges = merges.ok_or_else(|| StoreError::missing(keys::MERGES))?;
    let pair = |merge: &String| {
        let (left, right) =
            merge.split_once(' ').ok_or_else(|| refuse(format!("merge {merge:?} is not a pair")))?;
        Ok((left.to_owned(), right.to_owned()))
    };
    merges.iter().map(pair).collect()
}

fn splitter(pre: &PreTokenization) -> Result<Sequence, StoreError> {
    let split = |pattern: &&str| {
        let pattern = SplitPattern::Regex((*pattern).to_owned());
        let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false);
        split.map(PreTokenizerWrapper::Split).map_err(|e| refuse(e.to_string()))
    };
    let mut steps: Vec<_> = pre.patterns.iter().map(split).collect::<Result<_, _>>()?;
    steps.push(PreTokenizerWrapper::ByteLevel(ByteLevel::new(false, true, false)));
    Ok(Sequence::new(steps))
}
