//! Logits of every model family against a numpy implementation of the definitions (`golden/make_golden.py`).

#[expect(dead_code, reason = "each test file uses a part of the support module")]
#[path = "support/tiny.rs"]
mod tiny;

use domain_types::testing::DenseCodecs;
use domain_types::{LogitRows, RopeScaling, TensorSource, TokenModel};
use inference::{LoadOptions, Transformer};
use tiny::Golden;

/// Between F32 and the oracle's F64; a key or value may also fall on the other side of an F16 rounding boundary, which
/// gates of experts amplify.
const TOLERANCE: f32 = 6e-4;

fn load(source: &dyn TensorSource) -> Transformer {
    Transformer::load(source, &DenseCodecs, LoadOptions::default()).expect("a whole model loads")
}

/// Largest difference of the golden rows, after feeding the tokens in pieces of `step`.
fn difference(model: &mut Transformer, golden: &Golden, step: usize) -> f32 {
    let (mut all, mut logits) = (Vec::new(), Vec::new());
    model.reset();
    for piece in golden.tokens.chunks(step) {
        model.forward(piece, LogitRows::From(0), &mut logits).expect("fits");
        all.extend_from_slice(&logits);
    }
    let vocab = model.vocab_size();
    let rows = golden.rows.iter().zip(&golden.logits);
    rows.flat_map(|(&row, expected)| all[row * vocab..(row + 1) * vocab].iter().zip(expected))
        .map(|(actual, expected)| (actual - expected).abs())
        .fold(0.0, f32::max)
}

#[test]
fn every_family_gives_the_oracle_s_logits() {
    let cases = tiny::golden();
    for family in ["llama", "qwen2", "qwen3", "gemma3", "qwen2moe", "qwen3moe"] {
        assert!(cases.values().any(|c| c.spec.architecture == family), "{family} has a case");
    }
    for (name, golden) in cases {
        let all = golden.logits.iter().flatten();
        let spread = all.clone().map(|x| x * x).sum::<f32>() / all.count() as f32;
        assert!(spread > 0.25, "{name}: logits of size {spread} would hide errors");
        let mut model = load(&tiny::source(&golden.spec));
        for step in [usize::MAX, 33, 1] {
            let worst = difference(&mut model, &golden, step);
            println!("{name}, pieces of {step}: {worst:.1e}");
            assert!(worst < TOLERANCE, "{name}, pieces of {step}: off by {worst}");
        }
    }
}

#[test]
fn rope_factors_may_come_as_a_tensor() {
    let mut golden = tiny::golden().remove("llama factors").expect("the case is there");
    let RopeScaling::Factors(factors) = std::mem::replace(&mut golden.spec.rope.scaling, RopeScaling::None)
    else {
        panic!("the case has factors")
    };
    let plain = difference(&mut load(&tiny::source(&golden.spec)), &golden, usize::MAX);
    assert!(plain > 0.05, "factors matter here: {plain}");
    let source = tiny::source(&golden.spec).with_f32("rope_freqs.weight", &[factors.len()], &factors);
    let worst = difference(&mut load(&source), &golden, usize::MAX);
    assert!(worst < TOLERANCE, "off by {worst}");
}
