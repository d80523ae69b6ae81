//! Typed key–value metadata of a model: what GGUF stores in its header.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// A metadata value.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(untagged))]
#[expect(missing_docs, reason = "the variants are the types they are named after")]
pub enum MetaValue {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    U64(u64),
    I64(i64),
    F32(f32),
    F64(f64),
    Bool(bool),
    String(String),
    Array(MetaArray),
    /// Text that is not UTF-8, or arrays of arrays: kept as it is, and read by nobody.
    Opaque(Opaque),
}

/// A value in the encoding of the file that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Opaque {
    /// The file format's number for the type.
    pub kind: u32,
    /// The value's bytes.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub bytes: Vec<u8>,
}

/// A homogeneous array. Kept unboxed per type: vocabularies have 10⁵ entries.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(untagged))]
#[expect(missing_docs, reason = "the variants are the types they are named after")]
pub enum MetaArray {
    U8(Vec<u8>),
    I8(Vec<i8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    U64(Vec<u64>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Bool(Vec<bool>),
    String(Vec<String>),
}

impl MetaValue {
    /// The value as an unsigned integer, from any type of number that holds a whole one that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::U8(v) => Some(v.into()),
            Self::U16(v) => Some(v.into()),
            Self::U32(v) => Some(v.into()),
            Self::U64(v) => Some(v),
            Self::I8(v) => v.try_into().ok(),
            Self::I16(v) => v.try_into().ok(),
            Self::I32(v) => v.try_into().ok(),
            Self::I64(v) => v.try_into().ok(),
            Self::F32(v) => whole(v.into()),
            Self::F64(v) => whole(v),
            _ => None,
        }
    }

    /// The value as a float, from any type of number.
    pub fn as_f32(&self) -> Option<f32> {
        match *self {
            Self::F32(v) => Some(v),
            Self::F64(v) => Some(v as f32),
            Self::I8(v) => Some(v.into()),
            Self::I16(v) => Some(v.into()),
            Self::I32(v) => Some(v as f32),
            Self::I64(v) => Some(v as f32),
            _ => self.as_u64().map(|v| v as f32),
        }
    }

    /// The value as a truth value.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(v) = *self { Some(v) } else { None }
    }

    /// The value as text.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(v) = self { Some(v) } else { None }
    }

    /// The value as an array of strings.
    pub fn as_strings(&self) -> Option<&[String]> {
        if let Self::Array(MetaArray::String(v)) = self { Some(v) } else { None }
    }

    /// The value as an array of floats, from any type of number.
    pub fn as_f32s(&self) -> Option<Cow<'_, [f32]>> {
        match self {
            Self::Array(MetaArray::F32(v)) => Some(Cow::Borrowed(v)),
            Self::Array(MetaArray::F64(v)) => Some(v.iter().map(|&x| x as f32).collect()),
            Self::Array(MetaArray::I8(v)) => Some(v.iter().map(|&x| x.into()).collect()),
            Self::Array(MetaArray::I16(v)) => Some(v.iter().map(|&x| x.into()).collect()),
            Self::Array(MetaArray::I32(v)) => Some(v.iter().map(|&x| x as f32).collect()),
            Self::Array(MetaArray::I64(v)) => Some(v.iter().map(|&x| x as f32).collect()),
            other => Some(other.as_u64s()?.into_iter().map(|x| x as f32).collect()),
        }
    }

    /// The value as an array of integers, each non-negative.
    pub fn as_u64s(&self) -> Option<Vec<u64>> {
        let Self::Array(array) = self else { return None };
        match array {
            MetaArray::U8(v) => Some(v.iter().map(|&x| x.into()).collect()),
            MetaArray::U16(v) => Some(v.iter().map(|&x| x.into()).collect()),
            MetaArray::U32(v) => Some(v.iter().map(|&x| x.into()).collect()),
            MetaArray::U64(v) => Some(v.clone()),
            MetaArray::I8(v) => v.iter().map(|&x| x.try_into().ok()).collect(),
            MetaArray::I16(v) => v.iter().map(|&x| x.try_into().ok()).collect(),
            MetaArray::I32(v) => v.iter().map(|&x| x.try_into().ok()).collect(),
            MetaArray::I64(v) => v.iter().map(|&x| x.try_into().ok()).collect(),
            MetaArray::F32(v) => v.iter().map(|&x| whole(x.into())).collect(),
            MetaArray::F64(v) => v.iter().map(|&x| whole(x)).collect(),
            _ => None,
        }
    }
}

/// A whole number, if it is one that a float holds exactly.
fn whole(x: f64) -> Option<u64> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    let whole = (0.0..=MOST).contains(&x) && (x as u64) as f64 == x;
    whole.then_some(x as u64)
}

impl From<u32> for MetaValue {
    fn from(v: u32) -> Self {
        Self::U32(v)
    }
}

impl From<u64> for MetaValue {
    fn from(v: u64) -> Self {
        Self::U64(v)
    }
}

impl From<f32> for MetaValue {
    fn from(v: f32) -> Self {
        Self::F32(v)
    }
}

impl From<bool> for MetaValue {
    fn from(v: bool) -> Self {
        Self::Bool(v)
    }
}

impl From<&str> for MetaValue {
    fn from(v: &str) -> Self {
        Self::String(v.into())
    }
}

impl From<String> for MetaValue {
    fn from(v: String) -> Self {
        Self::String(v)
    }
}

impl From<Vec<String>> for MetaValue {
    fn from(v: Vec<String>) -> Self {
        Self::Array(MetaArray::String(v))
    }
}

impl From<Vec<u64>> for MetaValue {
    fn from(v: Vec<u64>) -> Self {
        Self::Array(MetaArray::U64(v))
    }
}

/// Keys and values of a model, sorted by key so that the same content gives the same file.
#[derive(Debug, Clone, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct Metadata {
    values: BTreeMap<String, MetaValue>,
}

impl Metadata {
    /// No entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&MetaValue> {
        self.values.get(key)
    }

    /// Text of a key.
    pub fn str(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// Unsigned integer of a key.
    pub fn u64(&self, key: &str) -> Option<u64> {
        self.get(key)?.as_u64()
    }

    /// Float of a key.
    pub fn f32(&self, key: &str) -> Option<f32> {
        self.get(key)?.as_f32()
    }

    /// Truth value of a key.
    pub fn bool(&self, key: &str) -> Option<bool> {
        self.get(key)?.as_bool()
    }

    /// Sets a key, replacing what was there.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<MetaValue>) {
        self.values.insert(key.into(), value.into());
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) -> Option<MetaValue> {
        self.values.remove(key)
    }

    /// Entries in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &MetaValue)> {
        self.values.iter().map(|(k, v)| (k.as_str(), v))
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}
