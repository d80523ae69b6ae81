//! A GGUF header as it stands in the file: bounded, but not yet checked against the file's size.

use super::cursor::Cursor;
use super::fault::{GgufFault, Rejection};
use super::value::read_value;
use super::{ALIGNMENT_KEY, DEFAULT_ALIGNMENT, MAGIC, limit};
use domain_types::{MAX_DIMS, MetaValue, Metadata};

pub(super) struct RawHeader {
    pub(super) version: u32,
    pub(super) metadata: Metadata,
    pub(super) alignment: u64,
    pub(super) tensors: Vec<RawTensor>,
    /// Bytes of the header: tensors start at the next multiple of the alignment.
    pub(super) len: usize,
}

pub(super) struct RawTensor {
    pub(super) name: String,
    /// Innermost first, as in the file.
    pub(super) dims: Vec<u64>,
    pub(super) ggml_type: u32,
    /// From the start of the tensor data.
    pub(super) offset: u64,
    /// Where this entry stands, for messages.
    pub(super) at: usize,
}

impl RawHeader {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Rejection> {
        let mut cursor = Cursor::new(bytes);
        if bytes.get(..4) != Some(MAGIC.as_slice()) {
            return Err(GgufFault::Magic.at(0));
        }
        cursor.take(MAGIC.len())?;
        let version = read_version(&mut cursor)?;
        let at = cursor.position();
        let tensors = cursor.u64()?;
        if tensors >= limit::TENSORS {
            return Err(GgufFault::TooManyTensors(tensors).at(at));
        }
        let keys = cursor.u64()?;
        if keys > limit::KEYS {
            return Err(GgufFault::TooManyKeys(keys).at(at + 8));
        }
        let metadata = read_metadata(&mut cursor, keys)?;
        let alignment = read_alignment(&metadata, cursor.position())?;
        let tensors = (0..tensors).map(|_| read_tensor(&mut cursor)).collect::<Result<_, _>>()?;
        Ok(Self { version, metadata, alignment, tensors, len: cursor.position() })
    }
}

fn read_version(cursor: &mut Cursor<'_>) -> Result<u32, Rejection> {
    let at = cursor.position();
    match cursor.u32()? {
        version @ (2 | 3) => Ok(version),
        swapped if (1..=3).contains(&swapped.swap_bytes()) => Err(GgufFault::BigEndian.at(at)),
        other => Err(GgufFault::Version(other).at(at)),
    }
}

fn read_metadata(cursor: &mut Cursor<'_>, entries: u64) -> Result<Metadata, Rejection> {
    let mut metadata = Metadata::new();
    for _ in 0..entries {
        let at = cursor.position();
        let key = cursor.string(limit::KEY_BYTES, GgufFault::KeyLength)?;
        cursor.charge(size_of::<MetaValue>())?;
        let value = read_value(cursor)?;
        if metadata.get(&key).is_some() {
            return Err(GgufFault::DuplicateKey(key).at(at));
        }
        metadata.set(key, value);
    }
    Ok(metadata)
}

fn read_alignment(metadata: &Metadata, at: usize) -> Result<u64, Rejection> {
    match metadata.get(ALIGNMENT_KEY) {
        None => Ok(DEFAULT_ALIGNMENT),
        Some(value) => value
            .as_u64()
            .filter(|n| n.is_power_of_two() && (8..=limit::ALIGNMENT).contains(n))
            .ok_or_else(|| GgufFault::Alignment.at(at)),
    }
}

fn read_tensor(cursor: &mut Cursor<'_>) -> Result<RawTensor, Rejection> {
    let at = cursor.position();
    let name = cursor.string(limit::NAME_BYTES, GgufFault::NameLength)?;
    if name.is_empty() {
        return Err(GgufFault::NameLength(0).at(at));
    }
    let count = cursor.u32()?;
    if count == 0 || count as usize > MAX_DIMS {
        let reason = format!("{count} dimensions, 1 to {MAX_DIMS} are allowed");
        return Err(GgufFault::Shape { name, reason }.at(at));
    }
    let dims = (0..count).map(|_| cursor.u64()).collect::<Result<_, _>>()?;
    Ok(RawTensor { name, dims, ggml_type: cursor.u32()?, offset: cursor.u64()?, at })
}
