//! The port's contract for every family, and what loading refuses.

#[expect(dead_code, reason = "each test file uses a part of the support module")]
#[path = "support/tiny.rs"]
mod tiny;

use domain_types::testing::{DenseCodecs, MemorySource, token_model_conformance};
use domain_types::{LogitRows, ModelSpec, TokenModel};
use inference::{InferenceError, LoadOptions, Transformer};

fn load(source: &MemorySource) -> Result<Transformer, InferenceError> {
    Transformer::load(source, &DenseCodecs, LoadOptions::default())
}

fn refusal(source: &MemorySource) -> String {
    load(source).err().expect("must be refused").to_string()
}

fn llama() -> ModelSpec {
    tiny::golden().remove("llama").expect("the case is there").spec
}

/// The source with tensor `name` left out, or replaced by one of dimensions and values.
fn replaced(spec: &ModelSpec, name: &str, new: Option<(&[usize], &[f32])>) -> MemorySource {
    let zeros = |dims: &[usize]| vec![0.0; dims.iter().product()];
    let source = MemorySource::new(spec.clone());
    let source = tiny::tensors(spec)
        .into_iter()
        .filter(|(n, _)| n != name)
        .fold(source, |source, (n, dims)| source.with_f32(n, &dims, &zeros(&dims)));
    match new {
        Some((dims, values)) => source.with_f32(name, dims, values),
        None => source,
    }
}

#[test]
fn every_family_keeps_the_port_s_contract() {
    for (_, golden) in tiny::golden() {
        token_model_conformance(&mut load(&tiny::source(&golden.spec)).expect("loads"), 2e-3);
    }
}

#[test]
fn a_failed_call_changes_no_later_logits() {
    let mut model = load(&tiny::source(&llama())).expect("loads");
    let (mut expected, mut actual) = (Vec::new(), Vec::new());
    model.forward(&[1, 2, 3], LogitRows::None, &mut expected).expect("fits");
    model.forward(&[4], LogitRows::Last, &mut expected).expect("fits");
    model.reset();
    model.forward(&[1, 2, 3], LogitRows::None, &mut actual).expect("fits");
    let e = model.forward(&[5, 40], LogitRows::Last, &mut actual).expect_err("40 is outside");
    assert!(e.to_string().contains("token 40 is outside the vocabulary of 40"), "{e}");
    model.forward(&[4], LogitRows::Last, &mut actual).expect("fits");
    assert_eq!(actual, expected);
}

#[test]
fn a_call_longer_than_a_batch_is_the_same_as_many() {
    let mut spec = llama();
    spec.context_length = 1100;
    let mut model = load(&tiny::source(&spec)).expect("loads");
    let tokens: Vec<u32> = (0..1100).map(|i| i * 11 % 40).collect();
    let (mut whole, mut parts, mut logits) = (Vec::new(), Vec::new(), Vec::new());
    model.forward(&tokens, LogitRows::From(500), &mut whole).expect("fits");
    model.reset();
    model.forward(&tokens[..500], LogitRows::None, &mut logits).expect("fits");
    for piece in tokens[500..].chunks(77) {
        model.forward(piece, LogitRows::From(0), &mut logits).expect("fits");
        parts.extend_from_slice(&logits);
    }
    assert_eq!(whole.len(), 600 * 40);
    let worst = whole.iter().zip(&parts).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 2e-3, "off by {worst}");
}

#[test]
fn a_missing_tensor_is_named() {
    let text = refusal(&replaced(&llama(), "blk.1.ffn_up.weight", None));
    assert!(text.contains("blk.1.ffn_up.weight is missing"), "{text}");
}

#[test]
fn a_wrong_shape_is_told_with_both_shapes() {
    let text = refusal(&replaced(&llama(), "blk.0.attn_k.weight", Some((&[16, 32], &[0.0; 512]))));
    assert!(text.contains("blk.0.attn_k.weight has shape 16×32") && text.contains("32×32"), "{text}");
}

#[test]
fn a_tensor_that_the_network_would_ignore_is_refused() {
    let text = refusal(&replaced(&llama(), "blk.0.attn_q.bias", Some((&[64], &[0.0; 64]))));
    assert!(text.contains("blk.0.attn_q.bias has no place in the llama network"), "{text}");
}

#[test]
fn norms_must_be_finite() {
    let mut values = [1.0; 32];
    values[7] = f32::NAN;
    let text = refusal(&replaced(&llama(), "output_norm.weight", Some((&[32], &values))));
    assert!(text.contains("output_norm.weight holds NaN at index 7"), "{text}");
}

#[test]
fn contradicting_specifications_are_refused() {
    let mut uneven = llama();
    uneven.attention.kv_heads = 3;
    assert!(refusal(&MemorySource::new(uneven)).contains("cannot share"));
    let mut huge = llama();
    huge.layers = 1 << 27;
    assert!(refusal(&tiny::source(&llama()).clone_with(huge)).contains("blk.2.attn_norm.weight is missing"));
    let mut capped = llama();
    capped.logit_softcap = Some(f32::NAN);
    assert!(refusal(&MemorySource::new(capped)).contains("soft cap"));
}

#[test]
fn the_context_is_bounded_by_the_model_s() {
    let source = tiny::source(&llama());
    let with = |n| Transformer::load(&source, &DenseCodecs, LoadOptions::default().with_context_length(n));
    assert_eq!(with(8).expect("shorter is fine").context_length(), 8);
    for bad in [0, 513] {
        let text = with(bad).err().expect("must be refused").to_string();
        assert!(text.contains("choose 1 to 512"), "{text}");
    }
}

#[test]
fn weight_bytes_count_what_a_token_reads() {
    let model = load(&tiny::source(&llama())).expect("loads");
    let block = 64 * 32 + 2 * 32 * 32 + 32 * 64 + 3 * 48 * 32;
    assert_eq!(model.weight_bytes(), 4 * (2 * block + 40 * 32));
}

/// The same tensors under another specification.
trait CloneWith {
    fn clone_with(&self, spec: ModelSpec) -> MemorySource;
}

impl CloneWith for MemorySource {
    fn clone_with(&self, spec: ModelSpec) -> MemorySource {
        use domain_types::TensorSource;
        self.tensors().iter().fold(MemorySource::new(spec), |source, info| {
            source.with(info.name.clone(), self.tensor(&info.name).expect("listed"))
        })
    }
}
