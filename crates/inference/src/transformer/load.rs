//! From a tensor source to a network, every shape checked.

mod experts;
mod tensors;

use super::Transformer;
use super::attention::{Attention, HeadShape, Projection};
use super::block::{Block, Entrance, Exit, Mlp};
use super::ends::Ends;
use super::experts::ExpertPorts;
use super::feed_forward::FeedForward;
use super::norm::RmsNorm;
use super::rope::RopePair;
use crate::InferenceError;
use crate::adapter::Adapter;
use crate::kv_cache::{KvCache, KvOptions};
use domain_types::{CodecSet, ModelSpec, TensorSource};
use experts::{expert_bytes, experts};
pub(super) use tensors::Tensors;

/// How a model is loaded. The default takes everything from the model.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadOptions {
    context_length: Option<usize>,
    kv: KvOptions,
}

impl LoadOptions {
    /// Positions that the key–value cache may grow to; by default as many as the model was made for. Memory is taken
    /// as positions are used.
    #[must_use]
    pub fn with_context_length(mut self, tokens: usize) -> Self {
        self.context_length = Some(tokens);
        self
    }

    /// How the key–value cache stores what it remembers; F16 by default.
    #[must_use]
    pub fn with_kv(mut self, kv: KvOptions) -> Self {
        self.kv = kv;
        self
    }
}

pub(super) fn load(
    source: &dyn TensorSource,
    codecs: &dyn CodecSet,
    options: LoadOptions,
    ports: Option<ExpertPorts>,
    adapter: Option<&Adapter>,
) -> Result<Transformer, InferenceError> {
    let spec = spec(source)?;
    let capacity = context_length(&spec, options)?;
    let mut tensors = Tensors::new(source, codecs, &spec.architecture).adapted(adapter)?;
    let (ends, rope) = take_ends(&mut tensors, &spec)?;
    let blocks = (0..spec.layers).map(|layer| block(&mut tensors, &spec, layer)).collect::<Result<_, _>>()?;
    let experts = experts(&mut tensors, &spec, ports)?;
    let expert_bytes = expert_bytes(source, &spec);
    tensors.finish(|_| true)?;
    let a = &spec.attention;
    let cache = KvCache::new(spec.layers, a.kv_heads, a.head_dim, capacity, options.kv);
    let (scratch, pace) = Default::default();
    Ok(Transformer { spec, ends, blocks, rope, cache, scratch, experts, expert_bytes, pace })
}

/// The checked specification of a source.
pub(super) fn spec(source: &dyn TensorSource) -> Result<ModelSpec, InferenceError> {
    let spec = source.spec().map_err(InferenceError::Port)?;
    spec.validate()?;
    Ok(spec)
}

/// All but the blocks, from a source whose other tensors must be of blocks.
pub(super) fn ends(
    source: &dyn TensorSource,
    codecs: &dyn CodecSet,
    spec: &ModelSpec,
) -> Result<(Ends, RopePair), InferenceError> {
    let mut tensors = Tensors::new(source, codecs, &spec.architecture);
    let parts = take_ends(&mut tensors, spec)?;
    tensors.finish(|name| !name.starts_with("blk."))?;
    Ok(parts)
}

fn take_ends(tensors: &mut Tensors<'_>, spec: &ModelSpec) -> Result<(Ends, RopePair), InferenceError> {
    let embedding = tensors.linear("token_embd.weight", spec.vocab_size, spec.width)?;
    // The specification holds its factors already.
    tensors.optional_vector("rope_freqs.weight", spec.rope.dims / 2)?;
    let rope = RopePair::new(&spec.rope)?;
    let output_norm = rms_norm(tensors, spec, "output_norm.weight")?;
    let head = if spec.tied_embeddings {
        None
    } else {
        Some(tensors.linear("output.weight", spec.vocab_size, spec.width)?)
    };
    let rotation = spec.rotation.filter(|r| r.residual).map(|r| r.residual_seed());
    let rotation = rotation.map(|seed| tensors.rotation(spec.width, seed)).transpose()?;
    let row_rotation = spec.rotation.filter(|r| r.ends).map(|r| r.ends_seed());
    let row_rotation = row_rotation.map(|seed| tensors.rotation(spec.width, seed)).transpose()?;
    let frequent = tensors.frequent_rows(spec.vocab_size, spec.width)?;
    let (embedding_scale, logit_softcap) = (spec.embedding_scale, spec.logit_softcap);
    let ends = Ends {
        embedding,
        embedding_scale,
        output_norm,
        head,
        logit_softcap,
        rotation,
        row_rotation,
        frequent,
        addition: None,
    };
    Ok((ends, rope))
}

fn context_length(spec: &ModelSpec, options: LoadOptions) -> Result<usize, InferenceError> {
    let longest = spec.context_length;
    match options.context_length.unwrap_or(longest) {
        asked if asked == 0 || asked > longest => Err(InferenceError::ContextLength { asked, longest }),
        asked => Ok(asked),
    }
}

fn block(tensors: &mut Tensors<'_>, spec: &ModelSpec, layer: usize) -> Result<Block, InferenceError> {
    Ok(Block {
        to_attention: to_attention(tensors, spec, layer)?,
        attention: attention(tensors, spec, layer)?,
        from_attention: from_attention(tensors, spec, layer)?,
        to_feed_forward: to_feed_forward(tensors, spec, layer)?,
        mlp: match spec.experts {
            None => Mlp::Dense {
                inner: feed_forward(tensors, spec, layer)?,
                exit: from_feed_forward(tensors, spec, layer)?,
            },
            Some(_) => Mlp::Experts(experts::mixture(tensors, spec, layer)?),
        },
    })
}

pub(super) fn to_attention(
    tensors: &mut Tensors<'_>,
    spec: &ModelSpec,
    layer: usize,
) -> Result<Entrance, InferenceError> {
    entrance(tensors, spec, &format!("blk.{layer}.attn_norm.weight"))
}

pub(super) fn from_attention(
    tensors: &mut Tensors<'_>,
    spec: &ModelSpec,
    layer: usize,
) -> Result<Exit, InferenceError> {
    exit(tensors, spec, layer, ("attn_output", spec.q_width()), "post_attention_norm")
}

pub(super) fn to_feed_forward(
    tensors: &mut Tensors<'_>,
    spec: &ModelSpec,
    layer: usize,
) -> Result<Entrance, InferenceError> {
    entrance(tensors, spec, &format!("blk.{layer}.ffn_norm.weight"))
}

pub(super) fn from_feed_forward(
    tensors: &mut Tensors<'_>,
    spec: &ModelSpec,
    layer: usize,
) -> Result<Exit, InferenceError> {
    exit(tensors, spec, layer, ("ffn_down", spec.ffn_width), "post_ffw_norm")
}

fn entrance(tensors: &mut Tensors<'_>, spec: &ModelSpec, norm: &str) -> Result<Entrance, InferenceError> {
    let seed = spec.rotation.filter(|r| r.inputs).map(|r| r.inputs_seed());
    let rotation = seed.map(|seed| tensors.rotation(spec.width, seed)).transpose()?;
    Ok(Entrance { norm: rms_norm(tensors, spec, norm)?, rotation })
}

fn exit(
    tensors: &mut Tensors<'_>,
    spec: &ModelSpec,
    layer: usize,
    (linear, inputs): (&str, usize),
    post_norm: &str,
) -> Result<Exit, InferenceError> {
    let name = |part: &str| format!("blk.{layer}.{part}.weight");
    let linear = tensors.linear(&name(linear), spec.width, inputs)?;
    let post_norm = spec.post_norms.then(|| rms_norm(tensors, spec, &name(post_norm))).transpose()?;
    Ok(Exit { linear, post_norm })
}

pub(super) fn feed_forward(
    tensors: &mut Tensors<'_>,
    spec: &ModelSpec,
    layer: usize,
) -> Result<FeedForward, InferenceError> {
    let name = |part: &str| format!("blk.{layer}.ffn_{part}.weight");
    let rotation = spec.rotation.filter(|r| r.feed_forward).map(|r| r.feed_forward_seed());
    Ok(FeedForward {
        gate: tensors.linear(&name("gate"), spec.ffn_width, spec.width)?,
        up: tensors.linear(&name("up"), spec.ffn_width, spec.width)?,
        rotation: rotation.map(|seed| tensors.rotation(spec.ffn_width, seed)).transpose()?,
        activation: spec.activation,
    })
}

fn rms_norm(tensors: &mut Tensors<'_>, spec: &ModelSpec, name: &str) -> Result<RmsNorm, InferenceError> {
    Ok(RmsNorm::new(tensors.vector(name, spec.width)?, spec.norm_eps))
}

pub(super) fn attention(
    tensors: &mut Tensors<'_>,
    spec: &ModelSpec,
    layer: usize,
) -> Result<Attention, InferenceError> {
    let a = &spec.attention;
    let mut projection = |part: &str, width: usize, normed: bool| -> Result<_, InferenceError> {
        let name = |suffix: &str| format!("blk.{layer}.attn_{part}{suffix}");
        let linear = tensors.linear(&name(".weight"), width, spec.width)?;
        let bias = a.qkv_bias.then(|| tensors.vector(&name(".bias"), width)).transpose()?;
        let head_norm = normed.then(|| tensors.vector(&name("_norm.weight"), a.head_dim)).transpose()?;
        Ok(Projection { linear, bias, head_norm: head_norm.map(|w| RmsNorm::new(w, spec.norm_eps)) })
    };
    Ok(Attention {
        query: projection("q", spec.q_width(), a.qk_norm)?,
        key: projection("k", spec.kv_width(), a.qk_norm)?,
        value: projection("v", spec.kv_width(), false)?,
        shape: HeadShape::new(a),
        window: a.sliding_window.filter(|w| w.applies_to(layer)).map(|w| w.size),
    })
}
