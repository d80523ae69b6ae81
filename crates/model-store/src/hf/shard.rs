//! safetensors files, checked before and after the `safetensors` crate reads their headers.

use super::files::Files;
use crate::StoreError;
use bytes::Bytes;
use domain_types::{QuantFormat, Shape, scalar};
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Component, Path};

/// Bytes that a header may have. Real ones have some 100 per tensor; parsing takes a few times as much memory.
const MAX_HEADER: u64 = 8 << 20;
/// Tensors in a model, exclusive, as for GGUF.
const MAX_TENSORS: usize = 10_000;
/// The file that names the files of a model in several.
const INDEX: &str = "model.safetensors.index.json";

/// A tensor as it is stored.
#[derive(Debug, Clone)]
pub(super) struct StoredTensor {
    pub(super) name: String,
    pub(super) format: QuantFormat,
    pub(super) shape: Shape,
    file: Bytes,
    range: Range<usize>,
}

impl StoredTensor {
    /// A handle on its bytes in the file.
    pub(super) fn bytes(&self) -> Bytes {
        self.file.slice(self.range.clone())
    }

    /// Whether the other tensor is the same, bit by bit.
    pub(super) fn has_bytes_of(&self, other: &Self) -> bool {
        (self.format, self.shape) == (other.format, other.shape) && self.bytes() == other.bytes()
    }
}

/// All tensors of `model.safetensors`, or of the files that `model.safetensors.index.json` names.
pub(super) fn read_all(files: Files<'_>) -> Result<Vec<StoredTensor>, StoreError> {
    let mut tensors = Vec::new();
    for name in shards(files)? {
        read_shard(files, &name, &mut tensors)?;
    }
    Ok(tensors)
}

fn shards(files: Files<'_>) -> Result<BTreeSet<String>, StoreError> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: std::collections::BTreeMap<String, String>,
    }
    let Some(index) = super::json::read::<Index>(files, INDEX)? else {
        return Ok(BTreeSet::from(["model.safetensors".into()]));
    };
    let names: BTreeSet<String> = index.weight_map.into_values().collect();
    match names.iter().find(|name| !is_inside(name)) {
        None => Ok(names),
        Some(name) => {
            let reason = format!("names a file outside the folder: {name:?}");
            Err(StoreError::hugging_face(&files.path(INDEX), reason))
        }
    }
}

/// Whether a name is that of a file in the folder itself: an index must not lead elsewhere.
fn is_inside(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

fn read_shard(files: Files<'_>, name: &str, tensors: &mut Vec<StoredTensor>) -> Result<(), StoreError> {
    let path = files.path(name);
    let file = files.require(name)?;
    let refuse = |reason: String| StoreError::Safetensors { file: path.display().to_string(), reason };
    let len = file.first_chunk::<8>().map(|n| u64::from_le_bytes(*n));
    let len = len.ok_or_else(|| refuse(format!("it has {} bytes, a header takes 8", file.len())))?;
    if len > MAX_HEADER || len > file.len() as u64 - 8 {
        return Err(refuse(format!("a header of {len} bytes in a file of {}", file.len())));
    }
    let (header_len, metadata) = SafeTensors::read_metadata(&file).map_err(|e| refuse(e.to_string()))?;
    let data_start = 8 + header_len;
    for name in metadata.offset_keys() {
        if tensors.len() + 1 >= MAX_TENSORS {
            return Err(refuse(format!("more than {MAX_TENSORS} tensors")));
        }
        let Some(info) = metadata.info(&name) else { continue };
        let bad = |reason: String| refuse(format!("tensor `{name}`: {reason}"));
        let format =
            format(info.dtype).ok_or_else(|| bad(format!("type {:?} is not supported", info.dtype)))?;
        let shape = Shape::new(&info.shape).map_err(|e| bad(e.to_string()))?;
        let (start, end) = info.data_offsets;
        let range = data_start.checked_add(start).zip(data_start.checked_add(end));
        let range = range.filter(|&(start, end)| start <= end && end <= file.len());
        let (start, end) = range.ok_or_else(|| bad("it lies outside the file".into()))?;
        if format.byte_len(&shape)? != end - start {
            return Err(bad(format!("{shape} of {format} in {} bytes", end - start)));
        }
        tensors.push(StoredTensor { name, format, shape, file: file.clone(), range: start..end });
    }
    Ok(())
}

fn format(dtype: Dtype) -> Option<QuantFormat> {
    match dtype {
        Dtype::F32 => Some(scalar::F32),
        Dtype::F16 => Some(scalar::F16),
        Dtype::BF16 => Some(scalar::BF16),
        _ => None,
    }
}
