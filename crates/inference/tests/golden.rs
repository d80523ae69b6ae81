//! Logits of every model family against a numpy implementation of the definitions (`golden/make_golden.py`).

#[expect(dead_code, reason = "each test file uses a part of the support module")]
#[path = "support/tiny.rs"]
mod tiny;

use domain_types::testing::{DenseCodecs, MemorySource};
use domain_types::{LogitRows, QuantTensor, RopeScaling, Shape, TensorSource, TokenModel};
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

/// A file has them as a tensor; its specification holds them too, and they count once.
#[test]
fn rope_factors_beside_their_tensor_count_once() {
    let golden = tiny::golden().remove("llama factors").expect("the case is there");
    let RopeScaling::Factors(factors) = &golden.spec.rope.scaling else { panic!("the case has factors") };
    let mut unscaled = golden.spec.clone();
    unscaled.rope.scaling = RopeScaling::None;
    let plain = difference(&mut load(&tiny::source(&unscaled)), &golden, usize::MAX);
    assert!(plain > 0.05, "factors matter here: {plain}");
    let source = tiny::source(&golden.spec).with_f32("rope_freqs.weight", &[factors.len()], factors);
    let worst = difference(&mut load(&source), &golden, usize::MAX);
    assert!(worst < TOLERANCE, "off by {worst}");
}

/// Real files of Qwen 2 MoE have the shared expert's gate as a matrix of one row.
#[test]
fn a_gate_of_the_shared_expert_may_be_a_row() {
    let golden = tiny::golden().remove("qwen2moe").expect("the case is there");
    let plain = tiny::source(&golden.spec);
    let row = Shape::matrix(1, golden.spec.width).expect("a small shape");
    let rows = plain.tensors().iter().fold(MemorySource::new(golden.spec.clone()), |source, info| {
        let tensor = plain.tensor(&info.name).expect("it is there");
        let shape = if info.name.ends_with("ffn_gate_inp_shexp.weight") { row } else { info.shape };
        let tensor = QuantTensor::new(info.format, shape, tensor.bytes().clone()).expect("as many weights");
        source.with(info.name.clone(), tensor)
    });
    let worst = difference(&mut load(&rows), &golden, usize::MAX);
    assert!(worst < TOLERANCE, "off by {worst}");
}
