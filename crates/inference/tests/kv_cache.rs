//! A quantized key–value cache in a whole network, against the F16 one.

#[expect(dead_code, reason = "each test file uses a part of the support module")]
#[path = "support/tiny.rs"]
mod tiny;

use domain_types::testing::{DenseCodecs, token_model_conformance};
use domain_types::{LogitRows, ModelSpec, TokenModel};
use inference::{KvFormat, KvOptions, LoadOptions, Transformer};

const TOKENS: usize = 300;

fn load(spec: &ModelSpec, kv: KvOptions) -> Transformer {
    let options = LoadOptions::default().with_kv(kv);
    Transformer::load(&tiny::source(spec), &DenseCodecs, options).expect("a whole model loads")
}

/// Logits of the second half of a sequence, fed in pieces of `step`.
fn logits(model: &mut Transformer, step: usize) -> Vec<f32> {
    let tokens: Vec<u32> = (0..TOKENS as u32).map(|i| i * 11 % 40).collect();
    let (mut all, mut logits) = (Vec::new(), Vec::new());
    model.reset();
    for piece in tokens.chunks(step) {
        model.forward(piece, LogitRows::From(0), &mut logits).expect("fits");
        all.extend_from_slice(&logits);
    }
    all.split_off(TOKENS / 2 * model.vocab_size())
}

fn rms(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let squares: f32 = a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum();
    (squares / a.len() as f32).sqrt()
}

#[test]
fn every_format_keeps_the_port_s_contract() {
    for (_, golden) in tiny::golden() {
        for format in KvFormat::ALL {
            token_model_conformance(&mut load(&golden.spec, KvOptions::new(format).with_tail(0)), 2e-3);
        }
    }
}

/// Random weights have flat attention over random keys, the worst case for a quantized cache: bounds are on the error
/// relative to the logits' own spread. A rounded key can tip a router's choice between experts of nearly equal weight,
/// which exchanges a whole expert: mixtures are allowed twice the error.
#[test]
fn logits_are_near_those_of_the_f16_cache_in_order_of_bits() {
    for (name, golden) in tiny::golden() {
        let exact = logits(&mut load(&golden.spec, KvOptions::default()), TOKENS);
        let spread = rms(&exact, &vec![0.0; exact.len()]);
        let mut last = 0.0;
        for (format, bound) in
            [(KvFormat::Q8, 0.03), (KvFormat::Q4, 0.3), (KvFormat::K4V2, 0.6), (KvFormat::Q2, 0.9)]
        {
            let kv = KvOptions::new(format).with_tail(64);
            let error = rms(&logits(&mut load(&golden.spec, kv), TOKENS), &exact) / spread;
            println!("{name}, {format}: {error:.4}");
            let bound = if golden.spec.experts.is_some() { 2.0 * bound } else { bound };
            assert!(error < bound, "{name}, {format}: {error}");
            let windowed = golden.spec.attention.sliding_window.is_some();
            assert!(error > last || windowed, "{name}, {format}: cold positions must have been read");
            last = error;
        }
    }
}

/// A batch, pieces across blocks and single tokens see the same cold store, so they differ by rounding only. Rounding
/// can tip a number into the next level, so the bound is a part of the error of quantization itself.
#[test]
fn splitting_a_sequence_changes_little_beside_quantization() {
    for (name, golden) in tiny::golden() {
        let exact = logits(&mut load(&golden.spec, KvOptions::default()), TOKENS);
        for format in [KvFormat::Q8, KvFormat::Q4, KvFormat::K4V2] {
            let mut model = load(&golden.spec, KvOptions::new(format).with_tail(64));
            let whole = logits(&mut model, TOKENS);
            let error = rms(&whole, &exact);
            for step in [77, 1] {
                let difference = rms(&logits(&mut model, step), &whole);
                println!("{name}, {format}, pieces of {step}: {difference:.1e} beside {error:.1e}");
                assert!(difference < 0.35 * error, "{name}, {format}, pieces of {step}");
            }
        }
    }
}

#[test]
fn a_tail_as_long_as_the_context_is_f16() {
    for (name, golden) in tiny::golden() {
        let exact = logits(&mut load(&golden.spec, KvOptions::default()), 64);
        let kv = KvOptions::new(KvFormat::Q2).with_tail(usize::MAX).with_rotation(false);
        let difference = rms(&logits(&mut load(&golden.spec, kv), 64), &exact);
        assert!(difference < 1e-4, "{name}: {difference}");
    }
}

/// The F32 cache rounds nothing: logits lie within the rounding of half precision, and are not the same.
#[test]
fn a_cache_in_f32_differs_from_f16_by_its_rounding() {
    for (name, golden) in tiny::golden() {
        let half = logits(&mut load(&golden.spec, KvOptions::default()), 64);
        let single = logits(&mut load(&golden.spec, KvOptions::new(KvFormat::F32)), 64);
        let error = rms(&single, &half) / rms(&half, &vec![0.0; half.len()]);
        assert!(error > 0.0 && error < 1e-2, "{name}: {error}");
    }
}

#[test]
fn unknown_formats_are_refused_by_name() {
    let text = "q3".parse::<KvFormat>().expect_err("no such format").to_string();
    assert!(text.contains("\"q3\"") && text.contains("k4v2"), "{text}");
    for format in KvFormat::ALL {
        assert_eq!(format.to_string().parse::<KvFormat>().expect("its own name"), format);
    }
}
