//! Specifications of the known families, against what their papers and llama.cpp say.

use crate::gguf_round_trip::{tensor, write};
use crate::support::catalogue;
use domain_types::{
    Activation, ExpertsSpec, GateNorm, Gating, MetaArray, MetaValue, Metadata, ModelSpec, RopeScaling,
    RopeStyle, RotationSpec, SharedExpert, SlidingWindow, TensorSource, Yarn, scalar,
};
use model_store::{GgufFile, StoreError, model_spec};

/// A tiny model of a family, to be changed.
struct Sketch {
    metadata: Metadata,
    tensors: Vec<&'static str>,
}

impl Sketch {
    fn of(architecture: &str) -> Self {
        let mut metadata = Metadata::new();
        metadata.set("general.architecture", architecture);
        for (key, n) in [
            ("block_count", 2_u32),
            ("embedding_length", 32),
            ("feed_forward_length", 64),
            ("context_length", 128),
            ("attention.head_count", 4),
            ("attention.head_count_kv", 2),
        ] {
            metadata.set(format!("{architecture}.{key}"), n);
        }
        metadata.set(format!("{architecture}.attention.layer_norm_rms_epsilon"), 1e-6_f32);
        let mut tensors = vec!["token_embd.weight", "output.weight"];
        match architecture {
            "qwen2" | "qwen2moe" => tensors.push("blk.0.attn_q.bias"),
            "qwen3" | "qwen3moe" | "gemma3" => tensors.push("blk.0.attn_q_norm.weight"),
            _ => {}
        }
        Self { metadata, tensors }
    }

    fn set(mut self, key: &str, value: impl Into<MetaValue>) -> Self {
        self.metadata.set(key, value);
        self
    }

    fn tensor(mut self, name: &'static str) -> Self {
        self.tensors.push(name);
        self
    }

    fn spec(self) -> Result<ModelSpec, StoreError> {
        let tensors: Vec<_> =
            self.tensors.iter().map(|name| ((*name).to_owned(), tensor(scalar::F32, &[10, 32], 0))).collect();
        model_spec(&GgufFile::from_bytes(write(self.metadata, &tensors), &catalogue()).unwrap())
    }
}

#[test]
fn llama() {
    let spec = Sketch::of("llama").spec().unwrap();
    assert_eq!((spec.rope.style, spec.activation), (RopeStyle::Interleaved, Activation::Silu));
    assert_eq!((spec.rope.base, spec.rope.dims, spec.rope.scaling), (10_000.0, 8, RopeScaling::None));
    assert_eq!((spec.attention.head_dim, spec.attention.scale), (8, 1.0 / 8_f32.sqrt()));
    assert_eq!((spec.vocab_size, spec.tied_embeddings, spec.embedding_scale), (10, false, 1.0));
}

#[test]
fn a_rotated_model_says_so() {
    let mut sketch = Sketch::of("llama");
    assert_eq!(Sketch::of("llama").spec().unwrap().rotation, None);
    let rotation = RotationSpec { heads: false, ..RotationSpec::full(1 << 40) };
    rotation.write(&mut sketch.metadata);
    assert_eq!(sketch.spec().unwrap().rotation, Some(rotation));

    let newer = Sketch::of("llama").set("pibit.rotation.version", 2_u32).spec().unwrap_err().to_string();
    assert!(newer.contains("use a newer one"), "{newer}");
}

#[test]
fn qwen_2_has_biases() {
    let spec = Sketch::of("qwen2").spec().unwrap();
    assert!(spec.attention.qkv_bias && !spec.attention.qk_norm);
    assert_eq!(spec.rope.style, RopeStyle::HalfSplit);
}

#[test]
fn qwen_3_norms_queries_and_keys() {
    let spec = Sketch::of("qwen3").set("qwen3.attention.key_length", 16_u32);
    let spec = spec.spec().unwrap();
    assert!(spec.attention.qk_norm && !spec.attention.qkv_bias);
    assert_eq!((spec.attention.head_dim, spec.rope.dims, spec.q_width()), (16, 16, 64));
}

#[test]
fn gemma_3() {
    let sketch = Sketch::of("gemma3").set("gemma3.attention.sliding_window", 512_u32);
    let sketch = sketch.set("gemma3.attention.key_length", 16_u32).set("gemma3.rope.freq_base", 1e6_f32);
    let spec = sketch.spec().unwrap();
    assert_eq!(spec.attention.sliding_window, Some(SlidingWindow { size: 512, pattern: 6 }));
    assert_eq!((spec.rope.base, spec.rope.local_base), (1e6, Some(10_000.0)));
    assert_eq!((spec.embedding_scale, spec.attention.scale), (32_f32.sqrt(), 0.25));
    assert!(spec.post_norms && spec.activation == Activation::GeluTanh);
}

#[test]
fn windows_in_every_notation() {
    let with = |architecture: &str, pattern: Option<MetaValue>| {
        let key = |name: &str| format!("{architecture}.attention.{name}");
        let sketch = Sketch::of(architecture).set(&key("sliding_window"), 16_u32);
        let sketch = match pattern {
            Some(pattern) => sketch.set(&key("sliding_window_pattern"), pattern),
            None => sketch,
        };
        sketch.spec().map(|spec| spec.attention.sliding_window.map(|w| (w.size, w.pattern)))
    };
    let listed = |layers: &[bool]| Some(MetaValue::Array(MetaArray::Bool(layers.to_vec())));
    assert_eq!(with("llama", None).unwrap(), Some((16, 0)), "Mistral: all layers");
    assert_eq!(with("gemma3", None).unwrap(), Some((16, 6)));
    assert_eq!(with("qwen3", Some(2_u32.into())).unwrap(), Some((16, 2)));
    assert_eq!(with("qwen3", Some(1_u32.into())).unwrap(), None, "all layers are global");
    assert_eq!(with("llama", listed(&[true, true])).unwrap(), Some((16, 0)));
    assert_eq!(with("llama", listed(&[true, false])).unwrap(), Some((16, 2)));
    assert_eq!(with("llama", listed(&[false, false])).unwrap(), None);
    assert!(with("qwen2", None).unwrap_err().to_string().contains("sliding_window_pattern"));
    assert!(with("llama", listed(&[false, true])).unwrap_err().to_string().contains("fixed period"));
    assert!(with("llama", listed(&[true])).unwrap_err().to_string().contains("1 values for 2 layers"));
}

#[test]
fn biases_and_norms_are_those_of_the_family() {
    for (architecture, tensor) in
        [("llama", "blk.0.attn_q_norm.weight"), ("qwen2", "blk.0.attn_q_norm.weight")]
    {
        let error = Sketch::of(architecture).tensor(tensor).spec().unwrap_err().to_string();
        assert!(error.contains(tensor), "{error}");
    }
    let mut bare = Sketch::of("qwen2");
    bare.tensors.retain(|name| !name.ends_with("bias"));
    assert!(bare.spec().unwrap_err().to_string().contains("without tensor `blk.0.attn_q.bias`"));
}

#[test]
fn gates_of_experts_are_weighed_as_the_file_says() {
    let with = |architecture: &str, normed: bool| {
        let key = |name: &str| format!("{architecture}.{name}");
        let sketch = Sketch::of(architecture).set(&key("expert_count"), 8_u32);
        let sketch = sketch.set(&key("expert_used_count"), 2_u32);
        let spec = sketch.set(&key("expert_weights_norm"), normed).spec().unwrap();
        spec.experts.unwrap().gating.norm()
    };
    assert_eq!(with("qwen3moe", false), GateNorm::All);
    assert_eq!(with("qwen2moe", true), GateNorm::Chosen);
}

#[test]
fn gemma_3_27b_scales_by_width_per_head() {
    let sketch =
        Sketch::of("gemma3").set("gemma3.block_count", 62_u32).set("gemma3.attention.key_length", 16_u32);
    assert_eq!(sketch.spec().unwrap().attention.scale, 1.0 / 8_f32.sqrt());
}

#[test]
fn rope_scaling_of_every_kind() {
    let with = |kind: &str, factor: f32| {
        let sketch = Sketch::of("llama").set("llama.rope.scaling.type", kind);
        let sketch = sketch.set("llama.rope.scaling.factor", factor);
        sketch.set("llama.rope.scaling.original_context_length", 64_u32).spec().map(|spec| spec.rope.scaling)
    };
    assert_eq!(with("none", 8.0).unwrap(), RopeScaling::None);
    assert_eq!(with("linear", 8.0).unwrap(), RopeScaling::Linear(8.0));
    assert_eq!(with("yarn", 4.0).unwrap(), RopeScaling::Yarn(Yarn::new(4.0, 64, 0.1 * 4_f32.ln() + 1.0)));
    assert!(matches!(with("longrope", 4.0), Err(StoreError::Unsupported { .. })));
    assert!(matches!(with("yarn", -1.0), Err(StoreError::Metadata { .. })));
}

#[test]
fn one_value_per_layer_counts_where_all_are_equal() {
    let heads = |values: Vec<u32>| {
        let value = MetaValue::Array(MetaArray::U32(values));
        Sketch::of("llama").set("llama.attention.head_count_kv", value).spec().map(|s| s.attention.kv_heads)
    };
    assert_eq!(heads(vec![2, 2]).unwrap(), 2);
    assert!(heads(vec![2, 1]).is_err());
    assert!(heads(vec![]).is_err());
}

#[test]
fn unknown_architectures_list_the_known() {
    let error = Sketch::of("mamba").spec().unwrap_err().to_string();
    assert!(
        error.contains("mamba") && error.contains("llama, qwen2, qwen3, qwen2moe, qwen3moe, gemma3"),
        "{error}"
    );
}

#[test]
fn nothing_is_guessed_or_left_out() {
    let without = |key: &str| {
        let mut sketch = Sketch::of("llama");
        sketch.metadata.remove(key).unwrap();
        sketch.spec().unwrap_err().to_string()
    };
    for key in ["general.architecture", "llama.block_count", "llama.attention.layer_norm_rms_epsilon"] {
        assert!(without(key).contains(key), "{key}");
    }
    for experts in ["blk.0.ffn_gate.7.weight", "blk.0.ffn_gate_exps.weight"] {
        let dense = Sketch::of("llama").tensor(experts).spec();
        assert!(matches!(dense, Err(StoreError::Unsupported { .. })), "{experts}: the model has none");
    }
    let zero = Sketch::of("llama").set("llama.attention.head_count", 0_u32).spec();
    assert!(zero.is_err());
}

#[test]
fn mixtures_of_experts() {
    let sketch = |architecture: &str| {
        let key = |name: &str| format!("{architecture}.{name}");
        let sketch = Sketch::of(architecture).set(&key("expert_count"), 8_u32);
        sketch.set(&key("expert_used_count"), 2_u32)
    };
    let mixtral = sketch("llama").spec().unwrap().experts.unwrap();
    let gating = |norm| Gating::new(8, 2, norm).unwrap();
    assert_eq!(mixtral, ExpertsSpec { gating: gating(GateNorm::Chosen), ffn_width: 64, shared: None });

    let qwen = sketch("qwen2moe").set("qwen2moe.expert_feed_forward_length", 48_u32);
    let qwen = qwen.tensor("blk.0.ffn_gate_shexp.weight").tensor("blk.0.ffn_gate_inp_shexp.weight");
    // The sketch's tensors are all of 10 × 32.
    let shared = Some(SharedExpert { ffn_width: 10, gated: true });
    let expected = ExpertsSpec { gating: gating(GateNorm::All), ffn_width: 48, shared };
    assert_eq!(qwen.spec().unwrap().experts, Some(expected));

    assert_eq!(sketch("qwen3moe").spec().unwrap().experts.unwrap().gating.norm(), GateNorm::Chosen);
    assert!(sketch("gemma3").spec().unwrap_err().to_string().contains("experts in a gemma3 model"));
    let single = |name| sketch("llama").tensor(name).spec();
    assert_eq!(single("blk.0.ffn_gate.7.weight").unwrap().experts, Some(mixtral), "formats of their own");
    assert!(matches!(single("blk.0.ffn_gate.8.weight"), Err(StoreError::Unsupported { .. })), "a ninth");
    let too_many = sketch("llama").set("llama.expert_used_count", 9_u32).spec();
    assert!(too_many.unwrap_err().to_string().contains("9 of 8"));
}

#[test]
fn a_file_offers_its_specification_through_the_port() {
    let bytes = write(Metadata::new(), &[("t".into(), tensor(scalar::F32, &[1], 0))]);
    assert!(GgufFile::from_bytes(bytes, &catalogue()).unwrap().spec().is_err());
}
