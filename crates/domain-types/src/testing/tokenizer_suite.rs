//! Suite for [`Tokenizer`].

use crate::Tokenizer;

/// Round trips, ids inside the vocabulary, control tokens only where they are asked for.
pub fn tokenizer_conformance(tokenizer: &dyn Tokenizer) {
    for text in [
        "",
        "a",
        "Hello, world!",
        "  two  spaces\n\ttab",
        "12 + 345 = 357",
        "naïve café",
        "x=1;\nif y:\n    z",
    ] {
        let ids = tokenizer.encode(text, false).expect("any text encodes");
        assert!(
            ids.iter().all(|&id| (id as usize) < tokenizer.vocab_size()),
            "{text:?}: id outside the vocabulary"
        );
        assert_eq!(tokenizer.decode(&ids).expect("own ids decode"), text);
    }
    for &id in tokenizer.eos().iter().chain(&tokenizer.bos()) {
        assert!((id as usize) < tokenizer.vocab_size());
        assert_eq!(
            tokenizer.decode(&[id]).expect("a control token decodes"),
            "",
            "control tokens have no text"
        );
    }
    assert!(tokenizer.decode(&[u32::MAX]).is_err(), "an id outside the vocabulary is an error");
    assert!(tokenizer.token_id("no such token \u{1}").is_none());
}
