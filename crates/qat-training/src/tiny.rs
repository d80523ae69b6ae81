//! `tiny`: the small language model that pibit carries.

use crate::corpus::Corpus;
use crate::network::Llama;
use crate::training::{self, CurvePoint, Progress, Reporter, TrainConfig};
use crate::{TrainError, Vocabulary};
use burn::tensor::Device;
use domain_types::{
    Activation, AttentionSpec, Clock, EventSink, Metadata, ModelSpec, QuantTensor, RopeScaling, RopeSpec,
    RopeStyle,
};

/// Tokens of the vocabulary.
const VOCABULARY: usize = 512;

/// A trained `tiny` model, ready to be written.
#[derive(Debug, Clone)]
pub struct TinyModel {
    /// What the network looks like.
    pub spec: ModelSpec,
    /// Weights under their GGUF names, in the order of a file: matrices F16, norms F32.
    pub tensors: Vec<(String, QuantTensor)>,
    /// GGUF metadata: name, licence, hyperparameters, tokenizer.
    pub metadata: Metadata,
    /// The loss over the run.
    pub curve: Vec<CurvePoint>,
}

/// The specification of `tiny`: 2.5 million parameters, every row a multiple of 256 weights.
pub fn tiny_spec() -> ModelSpec {
    ModelSpec {
        architecture: "llama".into(),
        vocab_size: VOCABULARY,
        layers: 4,
        width: 256,
        ffn_width: 512,
        context_length: 512,
        norm_eps: 1e-5,
        attention: AttentionSpec {
            heads: 4,
            kv_heads: 2,
            head_dim: 64,
            scale: 0.125,
            qkv_bias: false,
            qk_norm: false,
            sliding_window: None,
        },
        rope: RopeSpec {
            base: 10_000.0,
            local_base: None,
            dims: 64,
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

/// Trains `tiny` on the CPU: the tokenizer first, then the network. `progress` is called for every point of the loss
/// curve and every check of held-out accuracy.
pub fn train_tiny(
    config: &TrainConfig,
    sink: &dyn EventSink,
    clock: &dyn Clock,
    progress: &mut dyn FnMut(&Progress),
) -> Result<TinyModel, TrainError> {
    let about = "A small model of sums, program traces, tool calls, needles and stories";
    train_model(tiny_spec(), ["pibit-tiny", about], config, &mut Reporter { sink, clock, progress })
}

/// Trains the network of a specification on the corpus.
pub(crate) fn train_model(
    spec: ModelSpec,
    [name, about]: [&str; 2],
    config: &TrainConfig,
    reporter: &mut Reporter<'_>,
) -> Result<TinyModel, TrainError> {
    let vocabulary = Vocabulary::train(&Corpus::new(config.seed), spec.vocab_size)?;
    let network = Llama::new(&spec, config.seed, &Device::flex().autodiff())?;
    let (network, curve) = training::train(network, &vocabulary, config, reporter)?;
    let mut metadata = vocabulary.metadata();
    metadata.set("general.name", name);
    metadata.set("general.description", about);
    describe(&spec, &mut metadata);
    Ok(TinyModel { tensors: network.export()?, spec, metadata, curve })
}

/// Adds architecture, licence and the hyperparameters that GGUF readers need.
fn describe(spec: &ModelSpec, metadata: &mut Metadata) {
    let a = &spec.attention;
    metadata.set("general.architecture", spec.architecture.as_str());
    metadata.set("general.license", "MIT OR Apache-2.0");
    metadata.set("general.file_type", 1_u32); // mostly F16
    let mut set = |key: &str, value: usize| metadata.set(format!("llama.{key}"), value as u32);
    set("vocab_size", spec.vocab_size);
    set("context_length", spec.context_length);
    set("embedding_length", spec.width);
    set("block_count", spec.layers);
    set("feed_forward_length", spec.ffn_width);
    set("attention.head_count", a.heads);
    set("attention.head_count_kv", a.kv_heads);
    set("attention.key_length", a.head_dim);
    set("attention.value_length", a.head_dim);
    set("rope.dimension_count", spec.rope.dims);
    if let Some(experts) = &spec.experts {
        set("expert_count", experts.gating.experts());
        set("expert_used_count", experts.gating.top_k());
    }
    metadata.set("llama.rope.freq_base", spec.rope.base);
    metadata.set("llama.attention.layer_norm_rms_epsilon", spec.norm_eps);
}
