//! A rotated network computes what the original does.

#[expect(dead_code, reason = "each test file uses a part of the support module")]
#[path = "support/tiny.rs"]
mod tiny;

use domain_types::testing::{DefinedRotation, DenseCodecs, MemorySource, token_model_conformance};
use domain_types::{
    CodecSet, LogitRows, ModelSpec, OrthogonalTransform, RotationSpec, TensorSource, TokenModel,
};
use inference::{LoadOptions, Transformer};

/// W·Rᵀ: rows rotated, in pieces of the rotation's width.
fn read_side(weights: &mut [f32], rotation: &DefinedRotation) {
    rotation.apply(weights);
}

/// R·W: columns rotated, in pieces of the rotation's width.
fn write_side(weights: &mut [f32], row_len: usize, rotation: &DefinedRotation) {
    let rows = weights.len() / row_len;
    for column in 0..row_len {
        let mut values: Vec<f32> = (0..rows).map(|row| weights[row * row_len + column]).collect();
        rotation.apply(&mut values);
        (0..rows).for_each(|row| weights[row * row_len + column] = values[row]);
    }
}

/// The model of `tiny::source`, rotated from the definitions.
fn rotated(spec: &ModelSpec, rotation: RotationSpec) -> MemorySource {
    let original = tiny::source(spec);
    let values = |name: &str| {
        let tensor = original.tensor(name).expect("it is there");
        let mut values = vec![0.0; tensor.shape().elements()];
        DenseCodecs.require(tensor.format()).unwrap().decode(tensor.view(), &mut values).unwrap();
        values
    };
    let residual = DefinedRotation::new(spec.width, rotation.residual_seed());
    let inputs = DefinedRotation::new(spec.width, rotation.inputs_seed());
    let ends = DefinedRotation::new(spec.width, rotation.ends_seed());
    let heads = DefinedRotation::new(spec.attention.head_dim, rotation.heads_seed());
    let ffn = DefinedRotation::new(spec.ffn_width, rotation.feed_forward_seed());
    let new = MemorySource::new(ModelSpec { rotation: Some(rotation), ..spec.clone() });
    tiny::tensors(spec).into_iter().fold(new, |source, (name, dims)| {
        let mut w = values(&name);
        let part =
            name.split_once('.').and_then(|(_, rest)| rest.split_once('.')).map_or("", |(_, part)| part);
        let norm = match part {
            "attn_q.weight" | "attn_k.weight" | "attn_v.weight" => Some("attn_norm.weight"),
            "ffn_gate.weight" | "ffn_up.weight" => Some("ffn_norm.weight"),
            _ => None,
        };
        if let Some(norm) = norm.filter(|_| rotation.residual) {
            let gains = values(&name.replace(part, norm));
            w.chunks_exact_mut(gains.len())
                .for_each(|row| row.iter_mut().zip(&gains).for_each(|(w, g)| *w *= g));
            read_side(&mut w, &residual);
        }
        if norm.is_some() && rotation.inputs {
            read_side(&mut w, &inputs);
        }
        if rotation.ends && matches!(&*name, "token_embd.weight" | "output.weight") {
            read_side(&mut w, &ends);
        }
        match part {
            "attn_norm.weight" | "ffn_norm.weight" if rotation.residual => w.fill(1.0),
            "attn_v.weight" | "attn_v.bias" if rotation.heads => write_side(&mut w, w_len(&dims), &heads),
            "attn_output.weight" if rotation.heads => read_side(&mut w, &heads),
            "ffn_down.weight" if rotation.feed_forward => read_side(&mut w, &ffn),
            _ => {}
        }
        if rotation.residual && matches!(part, "attn_output.weight" | "ffn_down.weight") {
            write_side(&mut w, dims[1], &residual);
        }
        source.with_f32(name, &dims, &w)
    })
}

/// Length of a row; a bias is a column.
fn w_len(dims: &[usize]) -> usize {
    dims.get(1).copied().unwrap_or(1)
}

fn logits(source: &MemorySource, tokens: &[u32]) -> Vec<f32> {
    let mut logits = Vec::new();
    let mut model = Transformer::load(source, &DenseCodecs, LoadOptions::default()).expect("loads");
    model.forward(tokens, LogitRows::From(0), &mut logits).expect("fits");
    logits
}

/// Families without norms after each half of a block; Qwen 2 has biases, Qwen 3 norms of heads.
fn families() -> impl Iterator<Item = (String, tiny::Golden)> {
    tiny::golden().into_iter().filter(|(_, golden)| !golden.spec.post_norms && golden.spec.experts.is_none())
}

#[test]
fn logits_are_those_of_the_original() {
    let parts = [
        RotationSpec::full(3),
        RotationSpec { heads: false, feed_forward: false, ..RotationSpec::full(4) },
        RotationSpec { residual: true, inputs: false, ..RotationSpec::full(5) },
    ];
    let mut with_bias = 0;
    for (name, golden) in families() {
        with_bias += usize::from(golden.spec.attention.qkv_bias);
        for rotation in parts {
            let expected = logits(&tiny::source(&golden.spec), &golden.tokens);
            let actual = logits(&rotated(&golden.spec, rotation), &golden.tokens);
            let worst = expected.iter().zip(&actual).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            // The cache rounds values to F16: other ones where heads are rotated.
            let largest = expected.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
            let tolerance = if rotation.heads { 3e-3 } else { 2e-4 };
            assert!(worst < tolerance * largest, "{name}, {rotation:?}: off by {worst} of {largest}");
            assert_ne!(expected, actual, "{name}: rotations round in another way");
        }
    }
    assert!(with_bias > 0, "a family with biases must be among them");
}

#[test]
fn a_rotated_network_keeps_the_port_s_contract() {
    for (_, golden) in families() {
        let source = rotated(&golden.spec, RotationSpec::full(3));
        let mut model = Transformer::load(&source, &DenseCodecs, LoadOptions::default()).expect("loads");
        token_model_conformance(&mut model, 2e-3);
    }
}

#[test]
fn norms_after_each_half_of_a_block_cannot_be_rotated() {
    let mut spec = tiny::golden().into_values().find(|g| g.spec.post_norms).expect("Gemma is there").spec;
    spec.rotation = Some(RotationSpec { residual: true, inputs: false, ..RotationSpec::full(1) });
    let error = Transformer::load(&tiny::source(&spec), &DenseCodecs, LoadOptions::default());
    let text = error.err().expect("must be refused").to_string();
    assert!(text.contains("exclude each other"), "{text}");
}
