//! The network that a model's metadata describes.

mod block_tensors;
mod experts;
mod keys;
mod reader;
pub(crate) mod rope;
pub(crate) mod windows;

use crate::StoreError;
use domain_types::{Activation, AttentionSpec, ModelSpec, RopeStyle, RotationSpec, TensorSource};
use reader::SpecReader;

/// What sets a model family apart, beyond numbers that are in the metadata.
struct Family {
    /// GGUF architecture name.
    name: &'static str,
    rope_style: RopeStyle,
    activation: Activation,
    /// Whether q, k and v have biases; `None` where some models of the family have.
    qkv_bias: Option<bool>,
    /// Whether heads of q and k are normed.
    qk_norm: bool,
    /// Gemma's ways: post-norms, scaled embeddings, a base of their own for windowed layers.
    gemma: bool,
    /// Which layers see a window only, where the file gives its size but not its pattern.
    window_pattern: Option<usize>,
}

const LLAMA: Family = Family {
    name: "llama",
    rope_style: RopeStyle::Interleaved,
    activation: Activation::Silu,
    qkv_bias: None,
    qk_norm: false,
    gemma: false,
    // Mistral: all layers.
    window_pattern: Some(0),
};

const QWEN2: Family = Family {
    name: "qwen2",
    rope_style: RopeStyle::HalfSplit,
    qkv_bias: Some(true),
    window_pattern: None,
    ..LLAMA
};

const QWEN3: Family = Family { name: "qwen3", qkv_bias: None, qk_norm: true, ..QWEN2 };

const FAMILIES: [Family; 6] = [
    LLAMA,
    QWEN2,
    QWEN3,
    Family { name: "qwen2moe", ..QWEN2 },
    Family { name: "qwen3moe", ..QWEN3 },
    Family {
        name: "gemma3",
        activation: Activation::GeluTanh,
        gemma: true,
        window_pattern: Some(6),
        ..QWEN3
    },
];

/// Number of blocks by which Gemma 3 27B is told from its siblings, as llama.cpp does: it alone scales attention by
/// width per head rather than by head size.
const GEMMA3_27B_LAYERS: usize = 62;

/// Makes the specification from GGUF metadata and the list of tensors. Known architectures are `llama` (with
/// Mistral, Mixtral and SmolLM), `qwen2`, `qwen3`, `qwen2moe`, `qwen3moe` and `gemma3`; tensors that the specification
/// has no place for (unusual biases) are an error, because leaving them out would change what the model computes. So
/// are keys of the architecture that are not known.
pub fn model_spec(source: &dyn TensorSource) -> Result<ModelSpec, StoreError> {
    let family = family(source)?;
    let read = SpecReader::new(source, family.name);
    keys::refuse_unknown(source, family.name)?;
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
        embedding_scale: embedding_scale(&read, family, width)?,
        tied_embeddings: source.info("output.weight").is_none(),
        logit_softcap: read.optional_f32("final_logit_softcapping")?.filter(|&cap| cap != 0.0),
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
    Ok(AttentionSpec {
        heads,
        kv_heads: read.optional_usize("attention.head_count_kv")?.unwrap_or(heads),
        head_dim,
        scale: attention_scale(read, family, (layers, width, heads, head_dim))?,
        qkv_bias: agreed(read, family, "attn_q.bias", family.qkv_bias)?,
        qk_norm: agreed(read, family, "attn_q_norm.weight", Some(family.qk_norm))?,
        sliding_window: windows::sliding_window(read, family, layers)?,
    })
}

/// Whether blocks have a tensor, where the family says whether they should.
fn agreed(
    read: &SpecReader<'_>,
    family: &Family,
    part: &str,
    expected: Option<bool>,
) -> Result<bool, StoreError> {
    let name = format!("blk.0.{part}");
    let found = read.has_tensor(&name);
    if expected.is_some_and(|expected| expected != found) {
        let what =
            if found { format!("tensor `{name}`") } else { format!("a model without tensor `{name}`") };
        let instead =
            format!("models of architecture {} are not made so; convert the model again", family.name);
        return Err(StoreError::Unsupported { what, instead });
    }
    Ok(found)
}

/// What scores are multiplied by: what the file says, or as the family does.
fn attention_scale(
    read: &SpecReader<'_>,
    family: &Family,
    (layers, width, heads, head_dim): (usize, usize, usize, usize),
) -> Result<f32, StoreError> {
    // As in llama.cpp, 0 stands for the family's way.
    if let Some(scale) = read.optional_f32("attention.scale")?.filter(|&scale| scale != 0.0) {
        return Ok(scale);
    }
    let by_width = family.gemma && layers == GEMMA3_27B_LAYERS && heads > 0;
    let scaled_by = if by_width { width / heads } else { head_dim };
    Ok(1.0 / (scaled_by as f32).sqrt())
}

fn embedding_scale(read: &SpecReader<'_>, family: &Family, width: usize) -> Result<f32, StoreError> {
    let default = if family.gemma { (width as f32).sqrt() } else { 1.0 };
    Ok(read.optional_f32("embedding_scale")?.filter(|&scale| scale != 0.0).unwrap_or(default))
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
    for key in ["attention.value_length", "attention.key_length_swa", "attention.value_length_swa"] {
        if read.optional_usize(key)?.is_some_and(|n| n != head_dim) {
            return Err(read.wrong(key, "differs from attention.key_length, which is not supported"));
        }
    }
    Ok(head_dim)
}
