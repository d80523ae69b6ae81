//! Suite for [`TokenModel`].

use crate::{LogitRows, TokenId, TokenModel};
use alloc::vec::Vec;

/// Positions count up, logits have the right size, splitting a sequence does not change them (within `tolerance`),
/// bad calls are errors that leave the cache alone, and reset starts over.
pub fn token_model_conformance(model: &mut dyn TokenModel, tolerance: f32) {
    let vocab = model.vocab_size();
    let tokens: Vec<TokenId> = (0..7).map(|i| (i * 5 + 1) % vocab as TokenId).collect();
    model.reset();
    let mut all = Vec::new();
    model.forward(&tokens, LogitRows::From(0), &mut all).expect("a short sequence fits");
    assert_eq!((model.position(), all.len()), (7, 7 * vocab));
    assert!(all.iter().all(|x| x.is_finite()), "logits must be finite");

    model.reset();
    assert_eq!(model.position(), 0);
    let mut part = Vec::new();
    model.forward(&tokens[..3], LogitRows::None, &mut part).expect("fits");
    assert!(part.is_empty(), "no logits were asked for");
    model.forward(&tokens[3..5], LogitRows::Last, &mut part).expect("fits");
    close(&part, &all[4 * vocab..5 * vocab], tolerance);
    model.forward(&tokens[5..], LogitRows::From(1), &mut part).expect("fits");
    close(&part, &all[6 * vocab..], tolerance);

    let before = model.position();
    model.forward(&[vocab as TokenId], LogitRows::Last, &mut part).expect_err("outside the vocabulary");
    let too_many: Vec<TokenId> = alloc::vec![0; model.context_length() - before + 1];
    model.forward(&too_many, LogitRows::None, &mut part).expect_err("longer than the context");
    assert_eq!(model.position(), before, "a failed call must leave the cache alone");
    model.reset();
}

fn close(actual: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(actual.len(), expected.len());
    for (at, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= tolerance, "logit {at}: {a}, expected {e}");
    }
}
