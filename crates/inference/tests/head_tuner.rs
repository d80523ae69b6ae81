//! Learning from a short text by an addition to the output head.

#[expect(dead_code, reason = "each test file uses a part of the support module")]
#[path = "support/tiny.rs"]
mod tiny;

use domain_types::testing::DenseCodecs;
use domain_types::{LogitRows, TokenId, TokenModel};
use inference::{HeadTuner, LoadOptions, Transformer};

fn model(name: &str) -> (Transformer, Vec<TokenId>) {
    let golden = tiny::golden().remove(name).unwrap_or_else(|| panic!("no golden model {name}"));
    let source = tiny::source(&golden.spec);
    let model = Transformer::load(&source, &DenseCodecs, LoadOptions::default()).unwrap();
    (model, golden.tokens)
}

/// Mean negative log-likelihood of each token but the first, from the model's own logits.
fn loss(model: &mut Transformer, tokens: &[TokenId]) -> f64 {
    let mut logits = Vec::new();
    model.reset();
    model.forward(&tokens[..tokens.len() - 1], LogitRows::From(0), &mut logits).unwrap();
    let rows = logits.chunks(model.vocab_size()).zip(&tokens[1..]);
    let losses = rows.map(|(row, target)| {
        let sum: f64 = row.iter().map(|z| f64::from(*z).exp()).sum();
        sum.ln() - f64::from(row[*target as usize])
    });
    losses.sum::<f64>() / (tokens.len() - 1) as f64
}

#[test]
fn the_loss_falls_step_by_step_and_is_that_of_the_model_with_the_addition() {
    for name in ["llama", "qwen2"] {
        let (mut model, tokens) = model(name);
        let plain = loss(&mut model, &tokens);
        let mut tuner = HeadTuner::new(&mut model, &tokens, 4, 1).unwrap();
        assert!(
            (tuner.loss() - plain).abs() < 1e-5,
            "{name}: {} without an addition, not {plain}",
            tuner.loss()
        );
        let mut before = tuner.loss();
        for step in 0..12 {
            let after = tuner.step();
            assert!(after <= before, "{name}: {after} after step {step}, {before} before");
            before = after;
        }
        assert!(before < 0.9 * plain, "{name}: {plain} to {before}");
        model.set_head_addition(Some(tuner.addition().unwrap())).unwrap();
        let found = loss(&mut model, &tokens);
        assert!((found - before).abs() < 1e-4, "{name}: {found} in the model, {before} in the tuner");
        model.set_head_addition(None).unwrap();
        assert!((loss(&mut model, &tokens) - plain).abs() < 1e-9, "{name}: taken away again");
    }
}

#[test]
fn the_same_seed_gives_the_same_addition() {
    let addition = |seed| {
        let (mut model, tokens) = model("llama");
        let mut tuner = HeadTuner::new(&mut model, &tokens, 2, seed).unwrap();
        tuner.step();
        tuner.addition().unwrap()
    };
    assert_eq!(addition(3), addition(3));
    assert_ne!(addition(3), addition(4));
}

#[test]
fn what_cannot_be_learnt_is_refused() {
    let (mut model, tokens) = model("llama");
    let mut refused = |tokens: &[TokenId], rank| match HeadTuner::new(&mut model, tokens, rank, 1) {
        Ok(_) => panic!("{} tokens at rank {rank} should be refused", tokens.len()),
        Err(error) => error.to_string(),
    };
    assert!(refused(&tokens[..1], 4).contains("from 2 to"));
    assert!(refused(&tokens, 0).contains("rank 0"));
    assert!(refused(&vec![1; 100_000], 4).contains("from 2 to"));
}
