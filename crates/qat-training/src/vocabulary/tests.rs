//! The trained tokenizer and its GGUF description.

use super::Vocabulary;
use crate::corpus::{Corpus, Split};
use domain_types::{MetaArray, MetaValue};
use std::collections::HashSet;

#[test]
fn training_is_deterministic_and_every_text_comes_back() {
    let corpus = Corpus::new(1);
    let vocabulary = Vocabulary::train(&corpus, 512).unwrap();
    assert_eq!(vocabulary.size(), 512);
    assert_eq!(vocabulary.metadata(), Vocabulary::train(&corpus, 512).unwrap().metadata());
    for text in
        corpus.mixed(Split::HeldOut).take(200).map(|sample| sample.text()).chain(["Grüße, 世界! 🦀".into()])
    {
        let tokens = vocabulary.encode(&text).unwrap();
        assert_eq!(vocabulary.decode(&tokens).unwrap(), text);
    }
    assert_eq!(vocabulary.encode("<|endoftext|>").unwrap(), [vocabulary.end_of_text()]);
    assert_eq!(vocabulary.encode("123").unwrap().len(), 3, "a digit is a token");
    prompts_and_answers_meet_at_a_token(&vocabulary, corpus);
    gguf_entries_describe_it(&vocabulary);
}

/// Otherwise a model that is asked a prompt would not see the tokens that it was trained on.
fn prompts_and_answers_meet_at_a_token(vocabulary: &Vocabulary, corpus: Corpus) {
    for sample in corpus.mixed(Split::Train).take(300) {
        let mut parts = vocabulary.encode(&format!("{}\n", sample.prompt())).unwrap();
        parts.extend(vocabulary.encode(sample.answer()).unwrap());
        assert_eq!(parts, vocabulary.encode(&sample.text()).unwrap());
    }
}

fn gguf_entries_describe_it(vocabulary: &Vocabulary) {
    let entries = vocabulary.metadata();
    let tokens = entries.get("tokenizer.ggml.tokens").unwrap().as_strings().unwrap();
    let known: HashSet<&str> = tokens.iter().map(String::as_str).collect();
    assert_eq!(known.len(), 512, "no token twice");
    for merge in entries.get("tokenizer.ggml.merges").unwrap().as_strings().unwrap() {
        let (left, right) = merge.split_once(' ').unwrap();
        assert!([left, right, &format!("{left}{right}")].iter().all(|t| known.contains(t)), "{merge}");
    }
    let Some(MetaValue::Array(MetaArray::I32(kinds))) = entries.get("tokenizer.ggml.token_type") else {
        panic!("token types are 32-bit integers");
    };
    assert_eq!(kinds.iter().filter(|kind| **kind == 3).count(), 3, "three control tokens");
    assert_eq!(entries.u64("tokenizer.ggml.eos_token_id"), Some(0));
    assert_eq!(tokens[0], "<|endoftext|>");
}
