//! Tiny random models, the same as `golden/make_golden.py` makes.

use domain_types::testing::{MemorySource, gaussian_like};
use domain_types::{
    Activation, AttentionSpec, ExpertsSpec, FrequentTokens, GateNorm, Gating, Metadata, ModelSpec,
    RopeScaling, RopeSpec, RopeStyle, SharedExpert, SlidingWindow, TokenId, Yarn,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// One entry of `golden.json`.
pub(crate) struct Golden {
    pub(crate) spec: ModelSpec,
    pub(crate) tokens: Vec<TokenId>,
    pub(crate) rows: Vec<usize>,
    pub(crate) logits: Vec<Vec<f32>>,
}

pub(crate) fn golden() -> BTreeMap<String, Golden> {
    let text = include_str!("../golden/golden.json");
    let cases: BTreeMap<String, Value> = serde_json::from_str(text).expect("valid JSON");
    cases.into_iter().map(|(name, case)| (name, read(&case))).collect()
}

fn read(case: &Value) -> Golden {
    let list = |key: &str| case[key].as_array().expect("a list");
    let row = |row: &Value| row.as_array().expect("a row").iter().map(float).collect();
    Golden {
        spec: spec(&case["config"]),
        tokens: list("tokens").iter().map(|t| count(t) as TokenId).collect(),
        rows: list("rows").iter().map(count).collect(),
        logits: list("logits").iter().map(row).collect(),
    }
}

fn count(value: &Value) -> usize {
    value.as_u64().expect("a count") as usize
}

fn float(value: &Value) -> f32 {
    value.as_f64().expect("a number") as f32
}

fn spec(c: &Value) -> ModelSpec {
    let flag = |key: &str| c[key].as_bool().expect("a truth value");
    let optional = |key: &str| c[key].as_f64().map(|x| x as f32);
    ModelSpec {
        architecture: c["architecture"].as_str().expect("a name").into(),
        vocab_size: count(&c["vocab_size"]),
        layers: count(&c["layers"]),
        width: count(&c["width"]),
        ffn_width: count(&c["ffn_width"]),
        context_length: 512,
        norm_eps: float(&c["eps"]),
        attention: AttentionSpec {
            heads: count(&c["heads"]),
            kv_heads: count(&c["kv_heads"]),
            head_dim: count(&c["head_dim"]),
            scale: float(&c["scale"]),
            qkv_bias: flag("qkv_bias"),
            qk_norm: flag("qk_norm"),
            sliding_window: c["window"]
                .as_u64()
                .map(|size| SlidingWindow { size: size as usize, pattern: count(&c["window_pattern"]) }),
        },
        rope: RopeSpec {
            base: float(&c["rope_base"]),
            local_base: optional("local_base"),
            dims: count(&c["rope_dims"]),
            style: if c["style"] == "interleaved" { RopeStyle::Interleaved } else { RopeStyle::HalfSplit },
            scaling: scaling(&c["scaling"]),
        },
        activation: if c["activation"] == "silu" { Activation::Silu } else { Activation::GeluTanh },
        post_norms: flag("post_norms"),
        embedding_scale: float(&c["embedding_scale"]),
        tied_embeddings: flag("tied"),
        logit_softcap: optional("softcap"),
        rotation: None,
        experts: experts(&c["experts"]),
    }
}

fn experts(e: &Value) -> Option<ExpertsSpec> {
    let norm = if e["norm_topk_prob"].as_bool()? { GateNorm::Chosen } else { GateNorm::All };
    let shared = e["shared_width"].as_u64();
    Some(ExpertsSpec {
        gating: Gating::new(count(&e["count"]), count(&e["top_k"]), norm).expect("a possible choice"),
        ffn_width: count(&e["ffn_width"]),
        shared: shared.map(|width| SharedExpert { ffn_width: width as usize, gated: true }),
    })
}

fn scaling(s: &Value) -> RopeScaling {
    match s["kind"].as_str() {
        None => RopeScaling::None,
        Some("linear") => RopeScaling::Linear(float(&s["factor"])),
        Some("factors") => {
            RopeScaling::Factors(s["factors"].as_array().expect("a list").iter().map(float).collect())
        }
        Some(_) => {
            let factor = float(&s["factor"]);
            RopeScaling::Yarn(Yarn::new(factor, count(&s["original_context"]), 0.1 * factor.ln() + 1.0))
        }
    }
}

/// Names and dimensions of all tensors that a specification asks for.
pub(crate) fn tensors(spec: &ModelSpec) -> Vec<(String, Vec<usize>)> {
    let (width, a) = (spec.width, &spec.attention);
    let mut all = vec![
        ("token_embd.weight".to_owned(), vec![spec.vocab_size, width]),
        ("output_norm.weight".to_owned(), vec![width]),
    ];
    if !spec.tied_embeddings {
        all.push(("output.weight".to_owned(), vec![spec.vocab_size, width]));
    }
    for layer in 0..spec.layers {
        let mut add = |part: &str, dims: &[usize]| all.push((format!("blk.{layer}.{part}"), dims.to_vec()));
        add("attn_norm.weight", &[width]);
        add("ffn_norm.weight", &[width]);
        for (part, out) in [("q", spec.q_width()), ("k", spec.kv_width()), ("v", spec.kv_width())] {
            add(&format!("attn_{part}.weight"), &[out, width]);
            if a.qkv_bias {
                add(&format!("attn_{part}.bias"), &[out]);
            }
            if a.qk_norm && part != "v" {
                add(&format!("attn_{part}_norm.weight"), &[a.head_dim]);
            }
        }
        add("attn_output.weight", &[width, spec.q_width()]);
        if let Some(experts) = &spec.experts {
            let (n, ffn) = (experts.gating.experts(), experts.ffn_width);
            add("ffn_gate_inp.weight", &[n, width]);
            add("ffn_gate_exps.weight", &[n, ffn, width]);
            add("ffn_up_exps.weight", &[n, ffn, width]);
            add("ffn_down_exps.weight", &[n, width, ffn]);
            if let Some(SharedExpert { ffn_width, .. }) = experts.shared {
                add("ffn_gate_inp_shexp.weight", &[width]);
                add("ffn_gate_shexp.weight", &[ffn_width, width]);
                add("ffn_up_shexp.weight", &[ffn_width, width]);
                add("ffn_down_shexp.weight", &[width, ffn_width]);
            }
        } else {
            add("ffn_gate.weight", &[spec.ffn_width, width]);
            add("ffn_up.weight", &[spec.ffn_width, width]);
            add("ffn_down.weight", &[width, spec.ffn_width]);
        }
        if spec.post_norms {
            add("post_attention_norm.weight", &[width]);
            add("post_ffw_norm.weight", &[width]);
        }
    }
    all
}

/// A model of this specification with weights made from the tensors' names.
pub(crate) fn source(spec: &ModelSpec) -> MemorySource {
    tensors(spec).into_iter().fold(MemorySource::new(spec.clone()), |source, (name, dims)| {
        let values = weights(&name, &dims);
        source.with_f32(name, &dims, &values)
    })
}

/// [`source`], with the embedding's rows of these tokens apart and a number that no one may read in their places.
pub(crate) fn split_source(spec: &ModelSpec, frequent: &[TokenId]) -> MemorySource {
    let mut metadata = Metadata::new();
    FrequentTokens::new(frequent.to_vec(), spec.vocab_size).expect("sound").write(&mut metadata);
    let new = MemorySource::new(spec.clone()).with_metadata(metadata);
    tensors(spec).into_iter().fold(new, |source, (name, dims)| {
        let mut values = weights(&name, &dims);
        if name != "token_embd.weight" {
            return source.with_f32(name, &dims, &values);
        }
        let mut apart = Vec::new();
        for token in frequent {
            let row = &mut values[*token as usize * spec.width..][..spec.width];
            apart.extend_from_slice(row);
            row.fill(77.0);
        }
        let rows = [frequent.len(), spec.width];
        source.with_f32(name, &dims, &values).with_f32(FrequentTokens::TENSOR, &rows, &apart)
    })
}

fn weights(name: &str, dims: &[usize]) -> Vec<f32> {
    let mut values = gaussian_like(fnv1a(name), dims.iter().product());
    let (offset, scale) = if name.ends_with("norm.weight") {
        (1.0, 0.2)
    } else if name.contains("bias") {
        (0.0, 0.3)
    } else if name == "token_embd.weight" {
        (0.0, 0.5)
    } else {
        let gain = if name.contains(".attn_q.") || name.contains(".attn_k.") { 2.0 } else { 1.0 };
        (0.0, (gain / (dims[dims.len() - 1] as f64).sqrt()) as f32)
    };
    for x in &mut values {
        *x = offset + scale * *x;
    }
    values
}

fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3))
}
