//! Rows of the embedding that are kept apart stand for the rows they were.

#[expect(dead_code, reason = "each test file uses a part of the support module")]
#[path = "support/tiny.rs"]
mod tiny;

use domain_types::testing::{DenseCodecs, MemorySource, token_model_conformance};
use domain_types::{FrequentTokens, LogitRows, Metadata, TokenModel};
use inference::{LoadOptions, Transformer};

/// Some of a vocabulary, its first and its last among them.
fn some(vocab: usize) -> Vec<u32> {
    (0..vocab as u32).filter(|token| token % 3 == 0 || *token as usize == vocab - 1).collect()
}

fn load(source: &MemorySource) -> Transformer {
    Transformer::load(source, &DenseCodecs, LoadOptions::default()).expect("loads")
}

#[test]
fn logits_are_those_of_the_whole_embedding() {
    let (mut tied, mut untied) = (0, 0);
    for (name, golden) in tiny::golden() {
        let logits = |source| {
            let mut logits = Vec::new();
            load(&source).forward(&golden.tokens, LogitRows::From(0), &mut logits).expect("fits");
            logits
        };
        let split = tiny::split_source(&golden.spec, &some(golden.spec.vocab_size));
        assert_eq!(logits(tiny::source(&golden.spec)), logits(split), "{name}");
        *if golden.spec.tied_embeddings { &mut tied } else { &mut untied } += 1;
    }
    assert!(tied > 0 && untied > 0, "heads of both kinds must be among them");
}

#[test]
fn a_split_embedding_keeps_the_port_s_contract() {
    for golden in tiny::golden().into_values() {
        let split = tiny::split_source(&golden.spec, &some(golden.spec.vocab_size));
        token_model_conformance(&mut load(&split), 2e-3);
    }
}

#[test]
fn tokens_without_their_rows_are_refused() {
    let spec = tiny::golden().into_values().next().expect("there is one").spec;
    let mut metadata = Metadata::new();
    FrequentTokens::new(vec![1, 2], spec.vocab_size).expect("sound").write(&mut metadata);
    let source = tiny::source(&spec).with_metadata(metadata);
    let error = Transformer::load(&source, &DenseCodecs, LoadOptions::default()).err().expect("refused");
    assert!(error.to_string().contains(FrequentTokens::TENSOR), "{error}");
}
