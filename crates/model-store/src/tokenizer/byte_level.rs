//! Byte-level BPE (GPT-2 and after): `tokenizer.ggml.model` = `gpt2`. Tokens write bytes as characters, so that any text
//! has tokens and none has white space in it.

use super::merging::{Form, Merging, Take};
use super::refuse;
use super::vocabulary::Vocabulary;
use crate::pre_tokenization::{self, PreTokenization};
use crate::{StoreError, keys};
use domain_types::{CompilePattern, MetaValue, Metadata, WordPattern};
use std::fmt;
use std::ops::Range;

/// The tokenizer, and whether a text starts with BOS where the file does not say.
pub(super) fn build(metadata: &Metadata, compile: CompilePattern<'_>) -> Result<(Merging, bool), StoreError> {
    let vocabulary = Vocabulary::read(metadata)?;
    let pre = pre_tokenization(metadata)?;
    let patterns = pre.patterns.iter().map(|pattern| compile(pattern)).collect::<Result<_, _>>();
    let form = ByteLevel { patterns: patterns.map_err(|e| refuse(e.to_string()))?, bytes: Bytes::new() };
    let settings = |bpe: tokenizers::models::bpe::BpeBuilder| bpe.ignore_merges(pre.ignore_merges);
    let merging = Merging::new(&vocabulary, merges(metadata)?, Box::new(form), settings)?;
    Ok((merging, pre.add_bos))
}

fn pre_tokenization(metadata: &Metadata) -> Result<&'static PreTokenization, StoreError> {
    let name = match metadata.str(keys::PRE) {
        Some(name) => name,
        None if metadata.str(keys::HUGGING_FACE).is_some() => {
            return Err(StoreError::Unsupported {
                what: "a way of cutting words that only tokenizer.json describes".into(),
                instead: "run this model with the command line".into(),
            });
        }
        None => "default",
    };
    pre_tokenization::by_name(name).ok_or_else(|| {
        let known: Vec<_> = pre_tokenization::ALL.iter().flat_map(|p| p.names).copied().collect();
        StoreError::Unsupported {
            what: format!("pre-tokenizer `{name}`"),
            instead: format!("known are {}", known.join(", ")),
        }
    })
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

struct ByteLevel {
    /// Applied one after the other, each to the pieces that the one before left.
    patterns: Vec<Box<dyn WordPattern>>,
    bytes: Bytes,
}

impl Form for ByteLevel {
    fn words(&self, text: &str, word: Take<'_>) -> Result<(), StoreError> {
        let mut pieces = vec![text];
        for pattern in &self.patterns {
            let mut cut = Vec::with_capacity(pieces.len());
            for piece in pieces {
                let found = pattern.find(piece).map_err(|e| refuse(e.to_string()))?;
                cut_out(piece, found, &mut cut);
            }
            pieces = cut;
        }
        pieces.into_iter().try_for_each(|piece| word(&self.bytes.written(piece)))
    }

    fn text(&self, tokens: &[&str]) -> String {
        let bytes: Vec<u8> = tokens.iter().flat_map(|token| self.bytes.read(token)).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl fmt::Debug for ByteLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteLevel").field("patterns", &self.patterns.len()).finish_non_exhaustive()
    }
}

/// What was found, and what lies between.
fn cut_out<'a>(text: &'a str, found: Vec<Range<usize>>, pieces: &mut Vec<&'a str>) {
    let mut rest = 0;
    for Range { start, end } in found {
        pieces.extend([&text[rest..start], &text[start..end]].into_iter().filter(|piece| !piece.is_empty()));
        rest = end;
    }
    pieces.extend(Some(&text[rest..]).filter(|piece| !piece.is_empty()));
}

/// GPT-2's characters for bytes: Latin-1 where it is printed, the others from U+0100 on.
struct Bytes {
    chars: [char; 256],
}

impl Bytes {
    fn new() -> Self {
        let mut others = '\u{100}'..;
        let printed = |byte| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..);
        let char = |byte: usize| match byte as u8 {
            byte if printed(byte) => char::from(byte),
            _ => others.next().expect("the range is longer than the bytes"),
        };
        Self { chars: std::array::from_fn(char) }
    }

    fn written(&self, text: &str) -> String {
        text.bytes().map(|byte| self.chars[usize::from(byte)]).collect()
    }

    /// The bytes of a token; one with other characters stands for itself.
    fn read(&self, token: &str) -> Vec<u8> {
        let byte = |char| self.chars.iter().position(|&c| c == char).map(|byte| byte as u8);
        let bytes: Option<_> = token.chars().map(byte).collect();
        bytes.unwrap_or_else(|| token.as_bytes().to_vec())
    }
}
