use super::RotatedSource;
use crate::floats;
use domain_types::testing::{CollectingSink, MemorySource, gaussian_like, tensor_source_conformance};
use domain_types::{
    Activation, AttentionSpec, DomainEvent, Hessian, LogitRows, ModelSpec, RopeScaling, RopeSpec, RopeStyle,
    RotationSpec, TensorSource, TokenModel,
};
use inference::{LoadOptions, Transformer};
use quant_core::Codecs;

/// Qwen 2's ways (biases) and grouped queries, with widths of which none is a power of two.
fn spec() -> ModelSpec {
    ModelSpec {
        architecture: "qwen2".into(),
        vocab_size: 30,
        layers: 2,
        width: 72,
        ffn_width: 80,
        context_length: 64,
        norm_eps: 1e-5,
        attention: AttentionSpec {
            heads: 6,
            kv_heads: 2,
            head_dim: 12,
            scale: 0.3,
            qkv_bias: true,
            qk_norm: false,
            sliding_window: None,
        },
        rope: RopeSpec {
            base: 10_000.0,
            local_base: None,
            dims: 12,
            style: RopeStyle::HalfSplit,
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

fn model(spec: &ModelSpec) -> MemorySource {
    let (width, q, kv, ffn) = (spec.width, spec.q_width(), spec.kv_width(), spec.ffn_width);
    let mut seed = 0;
    let mut add = |source: MemorySource, name: &str, dims: &[usize]| {
        seed += 1;
        let (offset, scale) = if name.ends_with("norm.weight") { (1.0, 0.3) } else { (0.0, 0.15) };
        let values = gaussian_like(seed, dims.iter().product());
        let values: Vec<f32> = values.iter().map(|x| offset + scale * x).collect();
        source.with_f32(name, dims, &values)
    };
    let mut source = add(MemorySource::new(spec.clone()), "token_embd.weight", &[spec.vocab_size, width]);
    source = add(source, "output_norm.weight", &[width]);
    for layer in 0..spec.layers {
        let parts: [(&str, &[usize]); 12] = [
            ("attn_norm.weight", &[width]),
            ("attn_q.weight", &[q, width]),
            ("attn_q.bias", &[q]),
            ("attn_k.weight", &[kv, width]),
            ("attn_k.bias", &[kv]),
            ("attn_v.weight", &[kv, width]),
            ("attn_v.bias", &[kv]),
            ("attn_output.weight", &[width, q]),
            ("ffn_norm.weight", &[width]),
            ("ffn_gate.weight", &[ffn, width]),
            ("ffn_up.weight", &[ffn, width]),
            ("ffn_down.weight", &[width, ffn]),
        ];
        for (part, dims) in parts {
            source = add(source, &format!("blk.{layer}.{part}"), dims);
        }
    }
    source
}

fn logits(source: &dyn TensorSource) -> Vec<f32> {
    let mut logits = Vec::new();
    let mut model = Transformer::load(source, &Codecs::default(), LoadOptions::default()).expect("loads");
    model.forward(&[3, 1, 4, 1, 5, 9, 2, 6], LogitRows::From(0), &mut logits).expect("fits");
    logits
}

/// QuaRot's way: the residual stream, and gains inside the weights.
fn with_residual(seed: u64) -> RotationSpec {
    RotationSpec { residual: true, inputs: false, ..RotationSpec::full(seed) }
}

#[test]
fn a_rotated_model_gives_the_same_logits() {
    let expected = logits(&model(&spec()));
    for rotation in [
        RotationSpec::full(1),
        with_residual(2),
        RotationSpec { inputs: false, ..RotationSpec::full(2) },
        RotationSpec { heads: false, ..RotationSpec::full(3) },
        RotationSpec { feed_forward: false, ..RotationSpec::full(4) },
    ] {
        let (sink, codecs) = (CollectingSink::default(), Codecs::default());
        let rotated =
            RotatedSource::new(Box::new(model(&spec())), rotation, &codecs, &sink).expect("rotates");
        tensor_source_conformance(&rotated);
        let actual = logits(&rotated);
        let worst = expected.iter().zip(&actual).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        // The cache rounds values to F16, other ones in another basis.
        let largest = expected.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
        assert!(worst < 3e-3 * largest, "{rotation:?}: off by {worst} of {largest}");
        assert_ne!(expected, actual, "{rotation:?}: rotations round in another way");
        assert_eq!(RotationSpec::read(rotated.metadata()), Ok(Some(rotation)));
    }
}

#[test]
fn an_outlier_is_gone_and_an_event_says_so_once() {
    let (sink, codecs) = (CollectingSink::default(), Codecs::default());
    let mut values = vec![0.01; 72 * 80];
    values[100] = 3.0;
    let name = "blk.0.ffn_down.weight";
    let source = MemorySource::new(spec()).with_f32(name, &[72, 80], &values);
    let rotated = RotatedSource::new(Box::new(source), with_residual(1), &codecs, &sink).expect("rotates");
    rotated.tensor(name).expect("it is there");
    rotated.tensor(name).expect("it is there");
    let events = sink.events();
    let [DomainEvent::IncoherenceApplied { layer, transform, mu_before, mu_after }] = &events[..] else {
        panic!("one event, not {events:?}")
    };
    assert_eq!((layer.as_str(), transform.as_str()), (name, "rotation-80 in, rotation-72 out"));
    assert!(*mu_before > 70.0 && *mu_after < 10.0, "μ {mu_before} to {mu_after}");
}

fn values(source: &dyn TensorSource, name: &str) -> Vec<f32> {
    floats::values(&source.tensor(name).expect("it is there")).expect("it is in F32")
}

#[test]
fn weights_and_hessians_move_between_bases() {
    let (sink, codecs) = (CollectingSink::default(), Codecs::default());
    let original = model(&spec());
    let rotated =
        RotatedSource::new(Box::new(model(&spec())), RotationSpec::full(6), &codecs, &sink).expect("rotates");
    for name in
        ["token_embd.weight", "blk.1.attn_v.weight", "blk.1.attn_output.weight", "blk.0.ffn_down.weight"]
    {
        let (before, mut weights) = (values(&original, name), values(&rotated, name));
        let width = original.info(name).expect("listed").shape.row_len();
        let inputs = gaussian_like(8, 2 * width);
        let moment = |i: usize| {
            inputs[i / width] * inputs[i % width] + inputs[width + i / width] * inputs[width + i % width]
        };
        let hessian = Hessian::new(width, 2, (0..width * width).map(moment).collect()).expect("sound");
        let carried = rotated.carry(name, hessian.clone()).expect("no gains in the way");
        // The energy of a layer's outputs is the same, whatever basis it is computed in.
        let energy = |weights: &[f32], hessian: &Hessian| {
            let total: f64 = weights
                .chunks_exact(width)
                .map(|row| {
                    let products = hessian
                        .values()
                        .chunks_exact(width)
                        .map(|h| h.iter().zip(row).map(|(h, w)| f64::from(h * w)).sum::<f64>());
                    products.zip(row).map(|(product, w)| product * f64::from(*w)).sum::<f64>()
                })
                .sum();
            total
        };
        let (there, here) = (energy(&before, &hessian), energy(&weights, &carried));
        assert!((there / here - 1.0).abs() < 1e-3, "{name}: {there} and {here}");
        assert!(before.iter().zip(&weights).any(|(a, b)| (a - b).abs() > 0.01), "{name} is rotated");
        rotated.restore(name, &mut weights, width);
        assert!(before.iter().zip(&weights).all(|(a, b)| (a - b).abs() < 1e-5), "{name} is restored");
    }
    let folded =
        RotatedSource::new(Box::new(model(&spec())), with_residual(6), &codecs, &sink).expect("rotates");
    let hessian = Hessian::new(72, 1, vec![0.0; 72 * 72]).expect("sound");
    let text = folded.carry("blk.0.attn_q.weight", hessian).expect_err("gains are in the way").to_string();
    assert!(text.contains("gains of a norm"), "{text}");
}

fn refusal(spec: ModelSpec, name: &str, dims: &[usize]) -> String {
    let (sink, codecs) = (CollectingSink::default(), Codecs::default());
    let source = MemorySource::new(spec).with_f32(name, dims, &vec![0.0; dims.iter().product()]);
    let refused = RotatedSource::new(Box::new(source), with_residual(1), &codecs, &sink);
    refused.err().expect("must be refused").to_string()
}

#[test]
fn what_cannot_be_rotated_is_refused() {
    let down = "blk.0.ffn_down.weight";
    let gemma = ModelSpec { post_norms: true, architecture: "gemma3".into(), ..spec() };
    assert!(refusal(gemma, down, &[72, 80]).contains("gemma3 models cannot be rotated"));
    let twice = ModelSpec { rotation: Some(RotationSpec::full(1)), ..spec() };
    assert!(refusal(twice, down, &[72, 80]).contains("rotated already"));
    let wide = ModelSpec { ffn_width: 2 * 1021, ..spec() };
    assert!(refusal(wide, down, &[72, 2042]).contains("1021"));
    for dims in [&[72, 81][..], &[71, 80], &[2, 72, 80], &[80]] {
        assert!(refusal(spec(), down, dims).contains("does not fit"), "{dims:?}");
    }
}
