//! Rotary position embedding from metadata.

use super::Family;
use super::reader::SpecReader;
use crate::StoreError;
use domain_types::{AttentionSpec, RopeScaling, RopeSpec, scalar};

/// Frequency factors that Llama 3.1 and later carry as a tensor.
const FACTORS: &str = "rope_freqs.weight";

pub(super) fn rope_spec(
    read: &SpecReader<'_>,
    family: &Family,
    attention: &AttentionSpec,
) -> Result<RopeSpec, StoreError> {
    let local_base = match attention.sliding_window {
        Some(_) => Some(read.optional_f32("rope.freq_base_swa")?.unwrap_or(10_000.0)),
        None => None,
    };
    Ok(RopeSpec {
        base: read.optional_f32("rope.freq_base")?.unwrap_or(10_000.0),
        local_base,
        dims: read.optional_usize("rope.dimension_count")?.unwrap_or(attention.head_dim),
        style: family.rope_style,
        scaling: scaling(read)?,
    })
}

fn scaling(read: &SpecReader<'_>) -> Result<RopeScaling, StoreError> {
    if read.has_tensor(FACTORS) {
        return factors(read);
    }
    // `rope.scale_linear` is what files of 2023 say; without a type llama.cpp assumes `linear`.
    let old = read.optional_f32("rope.scale_linear")?;
    let factor = read.optional_f32("rope.scaling.factor")?.or(old).unwrap_or(1.0);
    match read.str("rope.scaling.type").unwrap_or("linear") {
        "none" => Ok(RopeScaling::None),
        "linear" if factor == 1.0 || factor == 0.0 => Ok(RopeScaling::None),
        _ if !(factor.is_finite() && factor > 0.0) => {
            Err(read.wrong("rope.scaling.factor", "must be above zero"))
        }
        "linear" => Ok(RopeScaling::Linear(factor)),
        "yarn" => {
            let original_context = read.usize("rope.scaling.original_context_length")?;
            Ok(RopeScaling::Yarn { factor, original_context })
        }
        other => Err(StoreError::Unsupported {
            what: format!("RoPE scaling `{other}`"),
            instead: "use a model with none, linear, yarn or llama3 scaling".into(),
        }),
    }
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
