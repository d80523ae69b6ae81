//! SentencePiece BPE with byte fallback (Llama 2, Mistral, Gemma): `tokenizer.ggml.model` = `llama`.

use super::vocabulary::Vocabulary;
use super::{Inner, refuse};
use crate::token_type::{NORMAL, SPACE_MARK};
use crate::{StoreError, keys};
use domain_types::{MetaValue, Metadata};
use std::collections::HashMap;
use tokenizers::NormalizerWrapper;
use tokenizers::decoders::DecoderWrapper;
use tokenizers::decoders::byte_fallback::ByteFallback;
use tokenizers::decoders::fuse::Fuse;
use tokenizers::decoders::sequence::Sequence as DecodeSequence;
use tokenizers::decoders::strip::Strip;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::{Prepend, Replace, Sequence};

pub(super) fn build(metadata: &Metadata) -> Result<Inner, StoreError> {
    let vocabulary = Vocabulary::read(metadata)?;
    let unknown = metadata.u64(keys::UNKNOWN).unwrap_or(0);
    let unknown = usize::try_from(unknown).ok().and_then(|id| vocabulary.tokens.get(id));
    let unknown = unknown.ok_or_else(|| refuse(format!("{} is outside the vocabulary", keys::UNKNOWN)))?;
    let model = BPE::builder()
        .vocab_and_merges(
            vocabulary.ids().map(|(token, id)| (token.clone(), id)).collect::<Vocab>(),
            merges(&vocabulary, metadata)?,
        )
        .unk_token(unknown.clone())
        .fuse_unk(true)
        .byte_fallback(true)
        .build()
        .map_err(|e| refuse(e.to_string()))?;
    let prefix = metadata.bool(keys::ADD_SPACE_PREFIX).unwrap_or(true);
    let mut inner = Inner::new(model);
    inner.with_normalizer(Some(normalizer(prefix)?)).map_err(|e| refuse(e.to_string()))?;
    inner.with_decoder(Some(decoder(prefix)?));
    vocabulary.add_special(&mut inner)?;
    Ok(inner)
}

/// SentencePiece joins the neighbours whose joint token has the best score. The same as merge rules: every way to
/// split a token into two tokens, ordered by the token's score.
fn merges(vocabulary: &Vocabulary<'_>, metadata: &Metadata) -> Result<Vec<(String, String)>, StoreError> {
    let scores = metadata.get(keys::SCORES).and_then(MetaValue::as_f32s);
    let scores = scores.filter(|s| s.len() == vocabulary.tokens.len() && s.iter().all(|x| !x.is_nan()));
    let scores = scores.ok_or_else(|| refuse(format!("{} must be one number per token", keys::SCORES)))?;
    let normal = |id: &u32| vocabulary.token_type(*id as usize) == NORMAL;
    let ids: HashMap<&str, u32> =
        vocabulary.ids().filter(|(_, id)| normal(id)).map(|(token, id)| (token.as_str(), id)).collect();
    let mut rules = Vec::new();
    for (&token, &id) in &ids {
        for (at, _) in token.char_indices().skip(1) {
            let (left, right) = token.split_at(at);
            if let (Some(&l), Some(&r)) = (ids.get(left), ids.get(right)) {
                rules.push((scores[id as usize], id, l, r, left, right));
            }
        }
    }
    // NaN was refused above, so the order is total; ids make it the same every time.
    rules.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2, a.3).cmp(&(b.1, b.2, b.3))));
    Ok(rules.into_iter().map(|(.., left, right)| (left.to_owned(), right.to_owned())).collect())
}

/// Spaces become marks, with one more in front where the model was trained so.
fn normalizer(prefix: bool) -> Result<Sequence, StoreError> {
    let mark = SPACE_MARK.to_string();
    let replace = Replace::new(" ", mark.as_str()).map_err(|e| refuse(e.to_string()))?;
    let mut steps: Vec<NormalizerWrapper> = Vec::new();
    if prefix {
        steps.push(Prepend::new(mark).into());
    }
    steps.push(replace.into());
    Ok(Sequence::new(steps))
}

fn decoder(prefix: bool) -> Result<DecodeSequence, StoreError> {
    let replace = Replace::new(SPACE_MARK.to_string(), " ").map_err(|e| refuse(e.to_string()))?;
    let mut steps: Vec<DecoderWrapper> =
        vec![DecoderWrapper::Replace(replace), ByteFallback::default().into(), Fuse::default().into()];
    if prefix {
        steps.push(Strip::new(' ', 1, 0).into());
    }
    Ok(DecodeSequence::new(steps))
}
