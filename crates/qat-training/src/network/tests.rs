//! The network against numpy, and weights that go out and come back.

use super::{Llama, MatrixType, negative_log_likelihood};
use burn::tensor::Device;
use domain_types::testing::MemorySource;
use domain_types::{
    Activation, AttentionSpec, ModelSpec, QuantTensor, RopeScaling, RopeSpec, RopeStyle, TensorSource, scalar,
};

/// The network of tests/golden/make_llama.py.
pub(crate) fn small_spec() -> ModelSpec {
    ModelSpec {
        architecture: "llama".into(),
        vocab_size: 11,
        layers: 2,
        width: 8,
        ffn_width: 12,
        context_length: 16,
        norm_eps: 1e-5,
        attention: AttentionSpec {
            heads: 4,
            kv_heads: 2,
            head_dim: 4,
            scale: 0.5,
            qkv_bias: false,
            qk_norm: false,
            sliding_window: None,
        },
        rope: RopeSpec {
            base: 100.0,
            local_base: None,
            dims: 4,
            style: RopeStyle::Interleaved,
            scaling: RopeScaling::None,
        },
        activation: Activation::Silu,
        post_norms: false,
        embedding_scale: 1.0,
        tied_embeddings: true,
        logit_softcap: None,
        rotation: None,
        experts: None,
    }
}

fn wave(seed: usize, count: usize, offset: f64) -> Vec<f32> {
    (0..count).map(|i| (offset + 0.5 * (0.7 * i as f64 + seed as f64).sin()) as f32).collect()
}

fn golden_source() -> MemorySource {
    let matrix = |seed, out: usize, width: usize| (vec![out, width], wave(seed, out * width, 0.0));
    let norm = |seed| (vec![8], wave(seed, 8, 1.0));
    let mut tensors = vec![("token_embd".to_owned(), matrix(1, 11, 8)), ("output_norm".to_owned(), norm(99))];
    for layer in 0..2 {
        let s = 10 * (layer + 1);
        let parts = [
            ("attn_norm", norm(s)),
            ("attn_q", matrix(s + 1, 16, 8)),
            ("attn_k", matrix(s + 2, 8, 8)),
            ("attn_v", matrix(s + 3, 8, 8)),
            ("attn_output", matrix(s + 4, 8, 16)),
            ("ffn_norm", norm(s + 5)),
            ("ffn_gate", matrix(s + 6, 12, 8)),
            ("ffn_up", matrix(s + 7, 12, 8)),
            ("ffn_down", matrix(s + 8, 8, 12)),
        ];
        tensors.extend(parts.map(|(part, tensor)| (format!("blk.{layer}.{part}"), tensor)));
    }
    tensors.into_iter().fold(MemorySource::new(small_spec()), |source, (name, (dims, values))| {
        source.with_f32(format!("{name}.weight"), &dims, &values)
    })
}

#[test]
fn logits_are_those_of_numpy() {
    let network = Llama::import(&golden_source(), &Device::flex()).unwrap();
    let want: Vec<Vec<f32>> = serde_json::from_str(include_str!("../../tests/golden/llama.json")).unwrap();
    // Two rows, so that a mix-up of batch and position would show.
    let logits = network.logits(&[&[3, 7, 1, 10, 0, 3], &[3, 7, 1, 10, 0, 3]]);
    let got: Vec<f32> = logits.try_into_vec_as().unwrap();
    let want: Vec<f32> = [want.concat(), want.concat()].concat();
    for (got, want) in got.iter().zip(&want) {
        assert!((got - want).abs() < 2e-5, "{got} is not {want}");
    }
    assert_eq!(got.len(), want.len());
}

#[test]
fn a_position_does_not_see_what_follows() {
    let network = Llama::new(&small_spec(), 1, &Device::flex()).unwrap();
    let first = |row: &[u32]| network.logits(&[row]).try_into_vec_as::<f32>().unwrap()[..3 * 11].to_vec();
    assert_eq!(first(&[1, 2, 3, 4]), first(&[1, 2, 3, 9]));
}

#[test]
fn exported_weights_come_back() {
    let network = Llama::new(&small_spec(), 4, &Device::flex()).unwrap();
    let source = |tensors: Vec<(String, QuantTensor)>| {
        tensors.into_iter().fold(MemorySource::new(small_spec()), |s, (name, t)| s.with(name, t))
    };
    let back = Llama::import(&source(network.export_as(MatrixType::F32).unwrap()), &Device::flex()).unwrap();
    let logits = |n: &Llama| n.logits(&[&[1, 2, 3]]).try_into_vec_as::<f32>().unwrap();
    assert_eq!(logits(&network), logits(&back));
    let halves = source(network.export().unwrap());
    assert_eq!(halves.info("blk.1.ffn_up.weight").unwrap().format, scalar::F16);
    assert_eq!(halves.info("output_norm.weight").unwrap().format, scalar::F32);
    let near = logits(&Llama::import(&halves, &Device::flex()).unwrap());
    assert!(logits(&network).iter().zip(&near).all(|(a, b)| (a - b).abs() < 1e-2));
}

#[test]
fn tensors_that_do_not_fit_are_refused() {
    let refuse = |source: &MemorySource| Llama::import(source, &Device::flex()).unwrap_err().to_string();
    assert!(refuse(&MemorySource::new(small_spec())).contains("token_embd.weight"));
    let wrong = MemorySource::new(small_spec()).with_f32("token_embd.weight", &[8, 11], &[0.0; 88]);
    assert!(refuse(&wrong).contains("[11, 8]"));
    let gemma = MemorySource::new(ModelSpec { post_norms: true, ..small_spec() });
    assert!(refuse(&gemma).contains("norms after the sublayers"));
}

#[test]
fn uniform_logits_cost_the_logarithm_of_the_vocabulary() {
    let logits = burn::tensor::Tensor::<2>::zeros([2, 11], &Device::flex());
    let nll: Vec<f32> = negative_log_likelihood(logits, &[0, 10]).try_into_vec_as().unwrap();
    assert!(nll.iter().all(|x| (x - 11_f32.ln()).abs() < 1e-6));
}
