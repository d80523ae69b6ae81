//! Metadata values from untrusted bytes.

use super::cursor::Cursor;
use super::fault::{GgufFault, Rejection};
use super::limit;
use domain_types::{MetaArray, MetaValue, Opaque};

/// GGUF's numbers for value types.
pub(super) mod kind {
    pub(in crate::gguf) const U8: u32 = 0;
    pub(in crate::gguf) const I8: u32 = 1;
    pub(in crate::gguf) const U16: u32 = 2;
    pub(in crate::gguf) const I16: u32 = 3;
    pub(in crate::gguf) const U32: u32 = 4;
    pub(in crate::gguf) const I32: u32 = 5;
    pub(in crate::gguf) const F32: u32 = 6;
    pub(in crate::gguf) const BOOL: u32 = 7;
    pub(in crate::gguf) const STRING: u32 = 8;
    pub(in crate::gguf) const ARRAY: u32 = 9;
    pub(in crate::gguf) const U64: u32 = 10;
    pub(in crate::gguf) const I64: u32 = 11;
    pub(in crate::gguf) const F64: u32 = 12;
}

/// Arrays in arrays, at most.
const DEPTH: usize = 4;

/// A value; one that is sound but of no type that anybody reads is kept as it is.
pub(super) fn read_value(cursor: &mut Cursor<'_>) -> Result<MetaValue, Rejection> {
    let at = cursor.position();
    match read_known(cursor) {
        Err(Rejection { fault: GgufFault::Utf8 | GgufFault::NestedArray, .. }) => {
            cursor.rewind(at);
            read_opaque(cursor).map(MetaValue::Opaque)
        }
        read => read,
    }
}

fn read_opaque(cursor: &mut Cursor<'_>) -> Result<Opaque, Rejection> {
    let kind = cursor.u32()?;
    let at = cursor.position();
    skip(cursor, kind, DEPTH)?;
    let bytes = cursor.since(at);
    cursor.charge(bytes.len())?;
    Ok(Opaque { kind, bytes: bytes.to_vec() })
}

/// Passes over a value of this type.
fn skip(cursor: &mut Cursor<'_>, kind: u32, depth: usize) -> Result<(), Rejection> {
    let at = cursor.position();
    let bytes = match kind {
        kind::U8 | kind::I8 => 1,
        kind::U16 | kind::I16 => 2,
        kind::U32 | kind::I32 | kind::F32 => 4,
        kind::U64 | kind::I64 | kind::F64 => 8,
        kind::BOOL => return read_bool(cursor).map(drop),
        kind::STRING => match cursor.u64()? {
            len if len > limit::STRING_BYTES as u64 => return Err(GgufFault::StringLength(len).at(at)),
            len => len as usize,
        },
        kind::ARRAY if depth == 0 => return Err(GgufFault::NestedArray.at(at)),
        kind::ARRAY => {
            let (element, len) = (cursor.u32()?, cursor.u64()?);
            if len > limit::ARRAY_LEN {
                return Err(GgufFault::ArrayLength(len).at(at));
            }
            return (0..len).try_for_each(|_| skip(cursor, element, depth - 1));
        }
        other => return Err(GgufFault::ValueType(other).at(at)),
    };
    cursor.take(bytes).map(drop)
}

fn read_known(cursor: &mut Cursor<'_>) -> Result<MetaValue, Rejection> {
    let at = cursor.position();
    Ok(match cursor.u32()? {
        kind::U8 => MetaValue::U8(cursor.u8()?),
        kind::I8 => MetaValue::I8(i8::from_le_bytes(cursor.array()?)),
        kind::U16 => MetaValue::U16(u16::from_le_bytes(cursor.array()?)),
        kind::I16 => MetaValue::I16(i16::from_le_bytes(cursor.array()?)),
        kind::U32 => MetaValue::U32(cursor.u32()?),
        kind::I32 => MetaValue::I32(i32::from_le_bytes(cursor.array()?)),
        kind::F32 => MetaValue::F32(f32::from_le_bytes(cursor.array()?)),
        kind::BOOL => MetaValue::Bool(read_bool(cursor)?),
        kind::STRING => MetaValue::String(read_string(cursor)?),
        kind::ARRAY => MetaValue::Array(read_array(cursor)?),
        kind::U64 => MetaValue::U64(cursor.u64()?),
        kind::I64 => MetaValue::I64(i64::from_le_bytes(cursor.array()?)),
        kind::F64 => MetaValue::F64(f64::from_le_bytes(cursor.array()?)),
        other => return Err(GgufFault::ValueType(other).at(at)),
    })
}

fn read_array(cursor: &mut Cursor<'_>) -> Result<MetaArray, Rejection> {
    let at = cursor.position();
    let element = cursor.u32()?;
    let len = cursor.u64()?;
    if len > limit::ARRAY_LEN {
        return Err(GgufFault::ArrayLength(len).at(at));
    }
    let n = len as usize;
    Ok(match element {
        kind::U8 => MetaArray::U8(numbers(cursor, n, u8::from_le_bytes)?),
        kind::I8 => MetaArray::I8(numbers(cursor, n, i8::from_le_bytes)?),
        kind::U16 => MetaArray::U16(numbers(cursor, n, u16::from_le_bytes)?),
        kind::I16 => MetaArray::I16(numbers(cursor, n, i16::from_le_bytes)?),
        kind::U32 => MetaArray::U32(numbers(cursor, n, u32::from_le_bytes)?),
        kind::I32 => MetaArray::I32(numbers(cursor, n, i32::from_le_bytes)?),
        kind::F32 => MetaArray::F32(numbers(cursor, n, f32::from_le_bytes)?),
        kind::U64 => MetaArray::U64(numbers(cursor, n, u64::from_le_bytes)?),
        kind::I64 => MetaArray::I64(numbers(cursor, n, i64::from_le_bytes)?),
        kind::F64 => MetaArray::F64(numbers(cursor, n, f64::from_le_bytes)?),
        kind::BOOL => MetaArray::Bool(each(cursor, n, read_bool)?),
        kind::STRING => MetaArray::String(each(cursor, n, read_string)?),
        kind::ARRAY => return Err(GgufFault::NestedArray.at(at)),
        other => return Err(GgufFault::ValueType(other).at(at)),
    })
}

/// Fixed-size elements: all bytes are taken first, so memory follows what is really there.
fn numbers<T, const N: usize>(
    cursor: &mut Cursor<'_>,
    n: usize,
    read: fn([u8; N]) -> T,
) -> Result<Vec<T>, Rejection> {
    let (chunks, _) = cursor.take(n * N)?.as_chunks::<N>();
    cursor.charge(n * N)?;
    Ok(chunks.iter().map(|&chunk| read(chunk)).collect())
}

/// Other elements one by one: the vector grows with what is really there, not with what was announced.
fn each<T>(
    cursor: &mut Cursor<'_>,
    n: usize,
    read: fn(&mut Cursor<'_>) -> Result<T, Rejection>,
) -> Result<Vec<T>, Rejection> {
    (0..n).map(|_| read(cursor)).collect()
}

fn read_bool(cursor: &mut Cursor<'_>) -> Result<bool, Rejection> {
    let at = cursor.position();
    match cursor.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(GgufFault::Bool(other).at(at)),
    }
}

fn read_string(cursor: &mut Cursor<'_>) -> Result<String, Rejection> {
    cursor.string(limit::STRING_BYTES, GgufFault::StringLength)
}
