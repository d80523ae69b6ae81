//! Rotary position embedding from metadata.

use super::Family;
use super::reader::SpecReader;
use crate::StoreError;
use domain_types::{AttentionSpec, RopeScaling, RopeSpec, Yarn, scalar};

/// Frequency factors that Llama 3.1 and later carry as a tensor.
const FACTORS: &str = "rope_freqs.weight";

pub(super) fn rope_spec(
    read: &SpecReader<'_>,
    family: &Family,
    attention: &AttentionSpec,
) -> Result<RopeSpec, StoreError> {
    let own_base = read.optional_f32("rope.freq_base_swa")?.or(family.gemma.then_some(10_000.0));
    let dims = read.optional_usize("rope.dimension_count")?.unwrap_or(attention.head_dim);
    if read.optional_usize("rope.dimension_count_swa")?.is_some_and(|n| n != dims) {
        return Err(read
            .wrong("rope.dimension_count_swa", "differs from rope.dimension_count, which is not supported"));
    }
    Ok(RopeSpec {
        base: read.optional_f32("rope.freq_base")?.unwrap_or(10_000.0),
        local_base: own_base.filter(|_| attention.sliding_window.is_some()),
        dims,
        style: family.rope_style,
        scaling: scaling(read)?,
    })
}

fn scaling(read: &SpecReader<'_>) -> Result<RopeScaling, StoreError> {
    let magnitude = read.optional_f32("rope.scaling.attn_factor")?.unwrap_or(1.0);
    let kind = read.str("rope.scaling.type");
    if magnitude != 1.0 && kind != Some("yarn") {
        return Err(read.wrong("rope.scaling.attn_factor", "is supported with YaRN only"));
    }
    // `rope.scale_linear` is what files of 2023 say; without a type llama.cpp assumes `linear`.
    let old = read.optional_f32("rope.scale_linear")?;
    let factor = read.optional_f32("rope.scaling.factor")?.or(old).unwrap_or(1.0);
    let unscaled = factor == 1.0 || factor == 0.0;
    if read.has_tensor(FACTORS) {
        return match kind.unwrap_or("linear") {
            "none" => factors(read),
            "linear" if unscaled => factors(read),
            _ => Err(read.wrong("rope.scaling.type", &format!("comes on top of tensor `{FACTORS}`"))),
        };
    }
    match kind.unwrap_or("linear") {
        "none" => Ok(RopeScaling::None),
        "linear" if unscaled => Ok(RopeScaling::None),
        _ if !(factor.is_finite() && factor > 0.0) => {
            Err(read.wrong("rope.scaling.factor", "must be above zero"))
        }
        "linear" => Ok(RopeScaling::Linear(factor)),
        "yarn" => Ok(RopeScaling::Yarn(yarn(read, factor, magnitude)?)),
        other => Err(StoreError::Unsupported {
            what: format!("RoPE scaling `{other}`"),
            instead: "use a model with none, linear, yarn or llama3 scaling".into(),
        }),
    }
}

/// llama.cpp multiplies the magnitude that goes with the factor by `rope.scaling.attn_factor`.
fn yarn(read: &SpecReader<'_>, factor: f32, magnitude: f32) -> Result<Yarn, StoreError> {
    let original_context = read.usize("rope.scaling.original_context_length")?;
    let magnitude = (yarn_magnitude(factor.into(), 1.0) * f64::from(magnitude)) as f32;
    let paper = Yarn::new(factor, original_context, magnitude);
    Ok(Yarn {
        beta_fast: read.optional_f32("rope.scaling.yarn_beta_fast")?.unwrap_or(paper.beta_fast),
        beta_slow: read.optional_f32("rope.scaling.yarn_beta_slow")?.unwrap_or(paper.beta_slow),
        truncate: read.optional_bool("rope.scaling.yarn_truncate")?.unwrap_or(paper.truncate),
        ..paper
    })
}

/// What YaRN multiplies rotated queries and keys by: 0.1·scale·ln(factor) + 1, and 1 where nothing is extended.
pub(crate) fn yarn_magnitude(factor: f64, scale: f64) -> f64 {
    if factor <= 1.0 { 1.0 } else { 0.1 * scale * factor.ln() + 1.0 }
}

fn factors(read: &SpecReader<'_>) -> Result<RopeScaling, StoreError> {
    let tensor = read.source().tensor(FACTORS).map_err(|_| StoreError::NoSuchTensor(FACTORS.into()))?;
    if *tensor.format() != scalar::F32 {
        return Err(StoreError::Unsupported {
            what: format!("{FACTORS} in {}", tensor.format()),
            instead: "it must be f32; convert the model again".into(),
        });
    }
    let (chunks, _) = tensor.bytes().as_chunks::<4>();
    Ok(RopeScaling::Factors(chunks.iter().map(|&c| f32::from_le_bytes(c)).collect()))
}
