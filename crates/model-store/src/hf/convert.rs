//! What GGUF wants different from safetensors.

use super::shard::StoredTensor;
use crate::StoreError;
use domain_types::{QuantFormat, QuantTensor, TensorInfo, scalar};
use half::{bf16, f16};

/// How a stored tensor becomes a GGUF tensor.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Conversion {
    /// Reorder the rows of this many heads from (i, i + d/2) pairs to neighbours.
    pub(super) interleave_heads: Option<usize>,
    /// Norms and biases are F32 in GGUF.
    pub(super) to_f32: bool,
    /// Gemma stores norm gains minus one.
    pub(super) add: f32,
}

impl Conversion {
    /// Description of the result.
    pub(super) fn describe(&self, name: &str, stored: &StoredTensor) -> Result<TensorInfo, StoreError> {
        if let Some(heads) = self.interleave_heads
            && (heads == 0 || !stored.shape.dims()[0].is_multiple_of(2 * heads))
        {
            let reason = format!("tensor `{}`: {heads} heads do not divide {}", stored.name, stored.shape);
            return Err(StoreError::HuggingFace { file: "config.json".into(), reason });
        }
        let format = if self.to_f32 { scalar::F32 } else { stored.format };
        Ok(TensorInfo::new(name, format, stored.shape)?)
    }

    /// The result: the stored bytes themselves where nothing changes.
    pub(super) fn apply(&self, stored: &StoredTensor) -> Result<QuantTensor, StoreError> {
        let mut bytes = stored.bytes();
        let mut format = stored.format;
        if let Some(heads) = self.interleave_heads {
            bytes = interleave(&bytes, stored.shape.dims()[0], heads).into();
        }
        if self.to_f32 && (format != scalar::F32 || self.add != 0.0) {
            let values = to_f32(&bytes, format).map(|x| x + self.add);
            bytes = values.flat_map(f32::to_le_bytes).collect::<Vec<u8>>().into();
            format = scalar::F32;
        }
        Ok(QuantTensor::new(format, stored.shape, bytes)?)
    }
}

/// Row j of a head's first half goes to 2j, row j of its second half to 2j + 1: GGUF's Llama rotates neighbours where
/// Hugging Face rotates halves.
fn interleave(bytes: &[u8], rows: usize, heads: usize) -> Vec<u8> {
    let row_bytes = bytes.len() / rows;
    let mut out = Vec::with_capacity(bytes.len());
    for head in bytes.chunks_exact(bytes.len() / heads) {
        let (first, second) = head.split_at(head.len() / 2);
        for (a, b) in first.chunks_exact(row_bytes).zip(second.chunks_exact(row_bytes)) {
            out.extend_from_slice(a);
            out.extend_from_slice(b);
        }
    }
    out
}

fn to_f32(bytes: &[u8], format: QuantFormat) -> Box<dyn Iterator<Item = f32> + '_> {
    if format == scalar::F32 {
        return Box::new(bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)));
    }
    let halves = bytes.as_chunks().0.iter();
    if format == scalar::F16 {
        Box::new(halves.map(|&b| f16::from_le_bytes(b).to_f32()))
    } else {
        Box::new(halves.map(|&b| bf16::from_le_bytes(b).to_f32()))
    }
}
