//! The network that is trained against the network that runs: the same logits.
//!
//! Both in F32, its cache included. Half precision, which is what the cache has by default, moves logits of `tiny` by
//! 0.009 and of SmolLM2 by 0.017. It cannot be imitated exactly: where keys are rounded, differences of 10⁻⁷ between
//! two orders of summation become differences of 10⁻³, so that even two backends of the same network then differ by
//! 0.009.

use crate::plain::PlainSource;
use domain_types::{LogitRows, TensorSource, TokenId, TokenModel, Tokenizer};
use inference::{KvFormat, KvOptions, LoadOptions, Transformer};
use qat_training::Llama;
use quant_core::{Activations, Codecs};
use std::path::Path;

const TEXT: &str =
    "Tom has 12 apples. Tom buys 7 more. How many apples does Tom have?\n12+7:2+7=9,1=1,19\nAnswer: 19\n";

/// The largest difference between two implementations' logits of the same tokens.
fn difference(source: &dyn TensorSource, tokens: &[TokenId]) -> f32 {
    let exact = Codecs::new(Activations::F32);
    let options =
        LoadOptions::default().with_context_length(tokens.len()).with_kv(KvOptions::new(KvFormat::F32));
    let mut running = Transformer::load(source, &exact, options).unwrap();
    let mut theirs = Vec::new();
    running.forward(tokens, LogitRows::From(0), &mut theirs).unwrap();
    let ours = Llama::logits_of(&PlainSource::new(source, &exact).unwrap(), tokens).unwrap();
    assert_eq!((ours.len(), theirs.len()), (tokens.len() * running.vocab_size(), ours.len()));
    assert!(ours.iter().any(|logit| logit.abs() > 1.0), "logits of nothing");
    ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn tokens(source: &dyn TensorSource) -> Vec<TokenId> {
    let tokenizer = model_store::load_tokenizer(source).unwrap();
    let tokens = tokenizer.encode(TEXT, false).unwrap();
    assert!(tokens.len() > 30, "{} tokens", tokens.len());
    tokens
}

#[test]
fn what_trains_computes_what_runs() {
    let catalogue = quant_core::catalogue();
    let source = model_store::open_model(Path::new("models/tiny.gguf"), &catalogue).unwrap();
    let difference = difference(&*source, &tokens(&*source));
    println!("largest difference of logits: {difference}");
    assert!(difference < 1e-3, "logits differ by {difference}");
}

/// Where it is in the cache (`pibit fetch smollm2`).
#[test]
fn so_it_does_for_smollm2() {
    let Ok(path) = crate::commands::fetch::smollm2_path() else {
        return println!("skipped: no cache folder");
    };
    if !path.exists() {
        return println!("skipped: smollm2 is not in the cache; run `pibit fetch smollm2`");
    }
    let source = model_store::open_model(&path, &quant_core::catalogue()).unwrap();
    let difference = difference(&*source, &tokens(&*source));
    println!("largest difference of logits: {difference}");
    assert!(difference < 1e-3, "logits differ by {difference}");
}

#[test]
fn tokens_that_do_not_exist_are_refused() {
    let catalogue = quant_core::catalogue();
    let source = model_store::open_model(Path::new("models/tiny.gguf"), &catalogue).unwrap();
    assert!(Llama::logits_of(&*source, &[1_000_000]).unwrap_err().to_string().contains("1000000"));
}
