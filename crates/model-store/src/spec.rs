//! The network that a model's metadata describes.

mod block_tensors;
mod experts;
mod reader;
mod rope;

use crate::StoreError;
use domain_types::{
    Activation, AttentionSpec, ModelSpec, RopeStyle, RotationSpec, SlidingWindow, TensorSource,
};
use reader::SpecReader;

/// What sets a model family apart, beyond numbers that are in the metadata.
struct Family {
    /// GGUF architecture name.
    name: &'static str,
    rope_style: RopeStyle,
    activation: Activation,
    /// Gemma's ways: post-norms, scaled embeddings, sliding window.
    gemma: bool,
}

const FAMILIES: [Family; 6] = [
    Family { name: "llama", rope_style: RopeStyle::Interleaved, activation: Activation::Silu, gemma: false },
    Family { name: "qwen2", rope_style: RopeStyle::HalfSplit, activation: Activation::Silu, gemma: false },
    Family { name: "qwen3", rope_style: RopeStyle::HalfSplit, activation: Activation::Silu, gemma: false },
    Family { name: "qwen2moe", rope_style: RopeStyle::HalfSplit, activation: Activation::Silu, gemma: false },
    Family { name: "qwen3moe", rope_style: RopeStyle::HalfSplit, activation: Activation::Silu, gemma: false },
    Family {
        name: "gemma3",
        rope_style: RopeStyle::HalfSplit,
        activation: Activation::GeluTanh,
        gemma: true,
    },
];

/// Number of blocks by which Gemma 3 27B is told from its siblings, as llama.cpp does: it alone scales attention by
/// width per head rather than by head size.
const GEMMA3_27B_LAYERS: usize = 62;

/// Makes the specification from GGUF metadata and the list of tensors. Known architectures are `llama` (with
/// Mistral, Mixtral and SmolLM), `qwen2`, `qwen3`, `qwen2moe`, `qwen3moe` and `gemma3`; tensors that the specification
/// has no place for (unusual biases) are an error, because leaving them out would change what the model computes.
pub fn model_spec(source: &dyn TensorSource) -> Result<ModelSpec, StoreError> {
    let family = family(source)?;
    let read = SpecReader::new(source, family.name);
    block_tensors::refuse_unknown(source, read.optional_usize("expert_count")?.unwrap_or(0))?;
    let (layers, width) = (read.usize("block_count")?, read.usize("embedding_length")?);
    let attention = attention(&read, family, layers, width)?;
    let spec = ModelSpec {
        architecture: family.name.into(),
        vocab_size: read.tensor("token_embd.weight")?.shape.rows(),
        layers,
        width,
        ffn_width: read.usize("feed_forward_length")?,
        context_length: read.usize("context_length")?,
        norm_eps: read.f32("attention.layer_norm_rms_epsilon")?,
        rope: rope::rope_spec(&read, family, &attention)?,
        attention,
        activation: family.activation,
        post_norms: family.gemma,
        embedding_scale: if family.gemma { (width as f32).sqrt() } else { 1.0 },
        tied_embeddings: source.info("output.weight").is_none(),
        logit_softcap: read.optional_f32("final_logit_softcapping")?.filter(|&cap| cap > 0.0),
        rotation: RotationSpec::read(source.metadata())?,
        experts: experts::experts(&read, family)?,
    };
    spec.validate()?;
    Ok(spec)
}

fn family(source: &dyn TensorSource) -> Result<&'static Family, StoreError> {
    let key = "general.architecture";
    let found = source.metadata().str(key).ok_or_else(|| StoreError::missing(key))?;
    FAMILIES.iter().find(|f| f.name == found).ok_or_else(|| StoreError::UnknownArchitecture {
        found: found.into(),
        known: FAMILIES.map(|f| f.name).join(", "),
    })
}

fn attention(
    read: &SpecReader<'_>,
    family: &Family,
    layers: usize,
    width: usize,
) -> Result<AttentionSpec, StoreError> {
    let heads = read.usize("attention.head_count")?;
    let head_dim = head_dim(read, width, heads)?;
    let by_width = family.gemma && layers == GEMMA3_27B_LAYERS && heads > 0;
    let scaled_by = if by_width { width / heads } else { head_dim };
    Ok(AttentionSpec {
        heads,
        kv_heads: read.optional_usize("attention.head_count_kv")?.unwrap_or(heads),
        head_dim,
        scale: 1.0 / (scaled_by as f32).sqrt(),
        qkv_bias: read.has_tensor("blk.0.attn_q.bias"),
        qk_norm: read.has_tensor("blk.0.attn_q_norm.weight"),
        sliding_window: if family.gemma { sliding_window(read)? } else { None },
    })
}

fn head_dim(read: &SpecReader<'_>, width: usize, heads: usize) -> Result<usize, StoreError> {
    let head_dim = match read.optional_usize("attention.key_length")? {
        Some(n) => n,
        None if heads > 0 && width.is_multiple_of(heads) => width / heads,
        None => {
            return Err(
                read.wrong("attention.key_length", "is missing, and the heads do not divide the width")
            );
        }
    };
    match read.optional_usize("attention.value_length")? {
        Some(n) if n != head_dim => {
            Err(read.wrong("attention.value_length", "differs from attention.key_length"))
        }
        _ => Ok(head_dim),
    }
}

fn sliding_window(read: &SpecReader<'_>) -> Result<Option<SlidingWindow>, StoreError> {
    let pattern = read.optional_usize("attention.sliding_window_pattern")?.unwrap_or(6);
    let size = read.optional_usize("attention.sliding_window")?.unwrap_or(0);
    Ok((size > 0).then_some(SlidingWindow { size, pattern }))
}
