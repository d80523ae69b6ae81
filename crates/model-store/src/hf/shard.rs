//! safetensors files, checked before and after the `safetensors` crate reads their headers.

use super::files::Files;
use crate::StoreError;
use bytes::Bytes;
use domain_types::{QuantFormat, Shape, scalar};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Component, Path};

/// Bytes that a header may have. Real ones have some 100 per tensor; parsing takes a few times as much memory.
const MAX_HEADER: u64 = 8 << 20;
/// Tensors in a model, exclusive, as for GGUF.
const MAX_TENSORS: usize = 10_000;
/// The file of a model in one.
const WHOLE: &str = "model.safetensors";
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

/// A tensor of a file, whether or not it can be used: only those that a model needs have to be.
pub(super) struct Entry {
    pub(super) name: String,
    /// Whether it cannot be weights: integers, truth values, or nothing at all.
    pub(super) no_weights: bool,
    pub(super) tensor: Result<StoredTensor, StoreError>,
}

/// All tensors of `model.safetensors`; where there is none, of the files that `model.safetensors.index.json` names, or of
/// `model-00001-of-….safetensors` and the like.
pub(super) fn read_all(files: Files<'_>) -> Result<Vec<Entry>, StoreError> {
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
    // As in transformers: an index beside a whole file is a leftover.
    if files.has(WHOLE) {
        return Ok(BTreeSet::from([WHOLE.into()]));
    }
    let Some(index) = super::json::read::<Index>(files, INDEX)? else { return by_name(files) };
    let names: BTreeSet<String> = index.weight_map.into_values().collect();
    match names.iter().find(|name| !is_inside(name)) {
        None => Ok(names),
        Some(name) => {
            let reason = format!("names a file outside the folder: {name}");
            Err(StoreError::hugging_face(&files.path(INDEX), reason))
        }
    }
}

/// The files of a model without an index: their names say how many there are.
fn by_name(files: Files<'_>) -> Result<BTreeSet<String>, StoreError> {
    let names = files.names()?;
    let counts: BTreeSet<usize> = names.iter().filter_map(|name| shard_count(name)).collect();
    let count = match counts.into_iter().collect::<Vec<_>>()[..] {
        [] => return Ok(BTreeSet::from([WHOLE.into()])),
        [count] => count,
        _ => {
            let reason =
                format!("has files of more than one model in parts and no {INDEX}; fetch the original files");
            return Err(StoreError::hugging_face(files.root(), reason));
        }
    };
    let name = |number: usize| format!("model-{number:05}-of-{count:05}.safetensors");
    Ok((1..=count).map(name).collect())
}

fn shard_count(name: &str) -> Option<usize> {
    let (number, count) = name.strip_prefix("model-")?.strip_suffix(".safetensors")?.split_once("-of-")?;
    let five_digits = |s: &str| s.len() == 5 && s.bytes().all(|b| b.is_ascii_digit());
    if five_digits(number) && five_digits(count) { count.parse().ok().filter(|&n| n > 0) } else { None }
}

/// Whether a name is that of a file in the folder itself: an index must not lead elsewhere.
fn is_inside(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

fn read_shard(files: Files<'_>, name: &str, tensors: &mut Vec<Entry>) -> Result<(), StoreError> {
    let path = files.path(name);
    let file = files.require(name)?;
    let refuse = |reason: String| StoreError::Safetensors { file: path.display().to_string(), reason };
    let (data_start, metadata) = header(&file).map_err(refuse)?;
    for name in metadata.offset_keys() {
        if tensors.len() + 1 >= MAX_TENSORS {
            return Err(refuse(format!("more than {MAX_TENSORS} tensors")));
        }
        let Some(info) = metadata.info(&name) else { continue };
        let tensor = stored(&file, data_start, &name, info).map_err(|reason| StoreError::HuggingFace {
            file: path.display().to_string(),
            reason: format!("tensor `{name}`: {reason}"),
        });
        let no_weights = is_no_number(info.dtype) || info.shape.contains(&0);
        tensors.push(Entry { name, no_weights, tensor });
    }
    Ok(())
}

/// Where the data starts, and what is in it. The crate checks that tensors lie one after the other; notes in
/// `__metadata__` may be of any type and are not read.
fn header(file: &Bytes) -> Result<(usize, Metadata), String> {
    let len = file.first_chunk::<8>().map(|n| u64::from_le_bytes(*n));
    let len = len.ok_or_else(|| format!("it has {} bytes, a header takes 8", file.len()))?;
    if len > MAX_HEADER || len > file.len() as u64 - 8 {
        return Err(format!("a header of {len} bytes in a file of {}", file.len()));
    }
    let start = 8 + len as usize;
    let mut header: Map<String, Value> =
        serde_json::from_slice(&file[8..start]).map_err(|e| format!("its header cannot be read: {e}"))?;
    header.remove("__metadata__");
    let metadata: Metadata = serde_json::from_value(Value::Object(header)).map_err(|e| e.to_string())?;
    if metadata.data_len() != file.len() - start {
        return Err(format!(
            "its tensors take {} bytes, but {} are there, so the file is not fully covered",
            metadata.data_len(),
            file.len() - start
        ));
    }
    Ok((start, metadata))
}

fn stored(file: &Bytes, data_start: usize, name: &str, info: &TensorInfo) -> Result<StoredTensor, String> {
    let unsupported = || {
        let kind = serde_json::to_value(info.dtype).unwrap_or_default();
        format!(
            "type {} is not supported; use a model in F32, F16 or BF16",
            kind.as_str().unwrap_or("unknown")
        )
    };
    let format = format(info.dtype).ok_or_else(unsupported)?;
    let shape = Shape::new(&info.shape).map_err(|e| e.to_string())?;
    let (start, end) = info.data_offsets;
    let range = data_start.checked_add(start).zip(data_start.checked_add(end));
    let range = range.filter(|&(start, end)| start <= end && end <= file.len());
    let (start, end) = range.ok_or("it lies outside the file")?;
    if format.byte_len(&shape).map_err(|e| e.to_string())? != end - start {
        return Err(format!("{shape} of {format} in {} bytes", end - start));
    }
    Ok(StoredTensor { name: name.to_owned(), format, shape, file: file.clone(), range: start..end })
}

fn is_no_number(dtype: Dtype) -> bool {
    use Dtype::{BOOL, I8, I16, I32, I64, U8, U16, U32, U64};
    matches!(dtype, BOOL | I8 | I16 | I32 | I64 | U8 | U16 | U32 | U64)
}

fn format(dtype: Dtype) -> Option<QuantFormat> {
    match dtype {
        Dtype::F32 => Some(scalar::F32),
        Dtype::F16 => Some(scalar::F16),
        Dtype::BF16 => Some(scalar::BF16),
        _ => None,
    }
}
