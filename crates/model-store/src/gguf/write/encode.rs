//! The bytes of a GGUF v3 header.

use crate::gguf::value::kind;
use crate::gguf::{DEFAULT_ALIGNMENT, MAGIC, payload};
use domain_types::{MetaArray, MetaValue, Metadata, Opaque, TensorInfo, scalar};

/// Magic to the last tensor description. The same content gives the same bytes: keys are sorted, offsets follow
/// from the tensors' order.
///
/// # Panics
/// If a format cannot hold its tensor's shape; [`TensorInfo::new`] has checked that it can.
pub(super) fn header(metadata: &Metadata, tensors: &[TensorInfo]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend(3_u32.to_le_bytes());
    out.extend((tensors.len() as u64).to_le_bytes());
    out.extend((metadata.len() as u64).to_le_bytes());
    for (key, value) in metadata.iter() {
        string(&mut out, key);
        meta_value(&mut out, value);
    }
    let mut offset = 0;
    for info in tensors {
        tensor(&mut out, info, offset);
        let bytes = info.format.byte_len(&info.shape).expect("the format holds the shape");
        offset = (offset + bytes as u64).next_multiple_of(DEFAULT_ALIGNMENT);
    }
    out
}

fn tensor(out: &mut Vec<u8>, info: &TensorInfo, offset: u64) {
    let (ggml_type, dims) = if let Some(ggml_type) = info.format.ggml_type() {
        (ggml_type, info.shape.dims().to_vec())
    } else {
        let dims = payload::stored_dims(info).expect("the format holds the shape");
        (scalar::I8.ggml_type().expect("ggml knows I8"), dims.to_vec())
    };
    string(out, &info.name);
    out.extend((dims.len() as u32).to_le_bytes());
    for &dim in dims.iter().rev() {
        out.extend((dim as u64).to_le_bytes());
    }
    out.extend(ggml_type.to_le_bytes());
    out.extend(offset.to_le_bytes());
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

/// Writes type number and little-endian bytes of a number.
macro_rules! number {
    ($out:expr, $kind:expr, $value:expr) => {{
        $out.extend($kind.to_le_bytes());
        $out.extend($value.to_le_bytes());
    }};
}

fn meta_value(out: &mut Vec<u8>, value: &MetaValue) {
    match value {
        MetaValue::U8(v) => number!(out, kind::U8, v),
        MetaValue::I8(v) => number!(out, kind::I8, v),
        MetaValue::U16(v) => number!(out, kind::U16, v),
        MetaValue::I16(v) => number!(out, kind::I16, v),
        MetaValue::U32(v) => number!(out, kind::U32, v),
        MetaValue::I32(v) => number!(out, kind::I32, v),
        MetaValue::U64(v) => number!(out, kind::U64, v),
        MetaValue::I64(v) => number!(out, kind::I64, v),
        MetaValue::F32(v) => number!(out, kind::F32, v),
        MetaValue::F64(v) => number!(out, kind::F64, v),
        MetaValue::Bool(v) => number!(out, kind::BOOL, u8::from(*v)),
        MetaValue::String(v) => {
            out.extend(kind::STRING.to_le_bytes());
            string(out, v);
        }
        MetaValue::Array(v) => {
            out.extend(kind::ARRAY.to_le_bytes());
            array(out, v);
        }
        MetaValue::Opaque(Opaque { kind, bytes }) => {
            out.extend(kind.to_le_bytes());
            out.extend(bytes);
        }
    }
}

/// Writes element type, length and little-endian bytes of numbers.
macro_rules! numbers {
    ($out:expr, $kind:expr, $values:expr) => {{
        $out.extend($kind.to_le_bytes());
        $out.extend(($values.len() as u64).to_le_bytes());
        for value in $values {
            $out.extend(value.to_le_bytes());
        }
    }};
}

fn array(out: &mut Vec<u8>, values: &MetaArray) {
    match values {
        MetaArray::U8(v) => numbers!(out, kind::U8, v),
        MetaArray::I8(v) => numbers!(out, kind::I8, v),
        MetaArray::U16(v) => numbers!(out, kind::U16, v),
        MetaArray::I16(v) => numbers!(out, kind::I16, v),
        MetaArray::U32(v) => numbers!(out, kind::U32, v),
        MetaArray::I32(v) => numbers!(out, kind::I32, v),
        MetaArray::U64(v) => numbers!(out, kind::U64, v),
        MetaArray::I64(v) => numbers!(out, kind::I64, v),
        MetaArray::F32(v) => numbers!(out, kind::F32, v),
        MetaArray::F64(v) => numbers!(out, kind::F64, v),
        MetaArray::Bool(v) => {
            out.extend(kind::BOOL.to_le_bytes());
            out.extend((v.len() as u64).to_le_bytes());
            out.extend(v.iter().map(|&b| u8::from(b)));
        }
        MetaArray::String(v) => {
            out.extend(kind::STRING.to_le_bytes());
            out.extend((v.len() as u64).to_le_bytes());
            for text in v {
                string(out, text);
            }
        }
    }
}
