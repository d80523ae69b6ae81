//! Small GGUF files made byte by byte, independently of the crate's own writer.

use domain_types::{FormatCatalogue, QuantFormat, RowRule};
use model_store::{GgufFault, GgufFile, StoreError};
use std::path::{Path, PathBuf};

pub(crate) const Q4_1: QuantFormat = QuantFormat::new("q4_1", 32, 20, RowRule::WholeBlocks).with_ggml_type(3);
pub(crate) const Q8_0: QuantFormat = QuantFormat::new("q8_0", 32, 34, RowRule::WholeBlocks).with_ggml_type(8);
/// Three bits and an f16 step per 256 weights: a format that ggml does not know.
pub(crate) const OURS: QuantFormat =
    QuantFormat::new("piq3", 256, 98, RowRule::ShortTail { granule: 32, granule_bytes: 12, header_bytes: 2 });

pub(crate) fn catalogue() -> FormatCatalogue {
    FormatCatalogue::scalars().with([Q4_1, Q8_0, OURS]).expect("distinct formats")
}

/// A GGUF file being put together.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) magic: [u8; 4],
    pub(crate) version: u32,
    pub(crate) tensor_count: Option<u64>,
    pub(crate) key_count: Option<u64>,
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) tensors: Vec<Vec<u8>>,
    pub(crate) alignment: usize,
    pub(crate) data: Vec<u8>,
}

impl Draft {
    /// One F32 tensor `t` of 2×4 and one string entry.
    pub(crate) fn sound() -> Self {
        Self {
            magic: *b"GGUF",
            version: 3,
            tensor_count: None,
            key_count: None,
            entries: vec![entry("general.name", 8, &text("draft"))],
            tensors: vec![tensor("t", &[4, 2], 0, 0)],
            alignment: 32,
            data: (0..32).collect(),
        }
    }

    pub(crate) fn entry(mut self, key: &str, kind: u32, value: &[u8]) -> Self {
        self.entries.push(entry(key, kind, value));
        self
    }

    pub(crate) fn tensor(mut self, name: &str, dims: &[u64], kind: u32, offset: u64) -> Self {
        self.tensors.push(tensor(name, dims, kind, offset));
        self
    }

    pub(crate) fn only_tensor(mut self, name: &str, dims: &[u64], kind: u32, offset: u64) -> Self {
        self.tensors.clear();
        self.tensor(name, dims, kind, offset)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = self.magic.to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend(self.tensor_count.unwrap_or(self.tensors.len() as u64).to_le_bytes());
        out.extend(self.key_count.unwrap_or(self.entries.len() as u64).to_le_bytes());
        self.entries.iter().chain(&self.tensors).for_each(|part| out.extend(part));
        out.resize(out.len().next_multiple_of(self.alignment), 0);
        out.extend(&self.data);
        out
    }

    pub(crate) fn open(&self) -> Result<GgufFile, StoreError> {
        GgufFile::from_bytes(self.bytes(), &catalogue())
    }

    /// The rule that this file breaks.
    pub(crate) fn fault(&self) -> GgufFault {
        match self.open() {
            Err(StoreError::Gguf { fault, .. }) => fault,
            other => panic!("expected a GGUF fault, got {other:?}"),
        }
    }
}

pub(crate) fn text(s: &str) -> Vec<u8> {
    [&(s.len() as u64).to_le_bytes(), s.as_bytes()].concat()
}

/// Bytes of an array value: element type, length, elements.
pub(crate) fn array(kind: u32, len: u64, elements: &[u8]) -> Vec<u8> {
    [kind.to_le_bytes().as_slice(), &len.to_le_bytes(), elements].concat()
}

pub(crate) fn strings(values: &[&str]) -> Vec<u8> {
    array(8, values.len() as u64, &values.iter().flat_map(|s| text(s)).collect::<Vec<_>>())
}

fn entry(key: &str, kind: u32, value: &[u8]) -> Vec<u8> {
    [text(key).as_slice(), &kind.to_le_bytes(), value].concat()
}

fn tensor(name: &str, dims: &[u64], kind: u32, offset: u64) -> Vec<u8> {
    let mut out = text(name);
    out.extend((dims.len() as u32).to_le_bytes());
    for d in dims {
        out.extend(d.to_le_bytes());
    }
    out.extend(kind.to_le_bytes());
    out.extend(offset.to_le_bytes());
    out
}

/// The real model, where it was fetched; says why not otherwise.
pub(crate) fn smollm2() -> Option<PathBuf> {
    let name = "SmolLM2-135M-Instruct.Q4_1.gguf";
    let path = std::env::var_os("PIBIT_CACHE").map(|cache| PathBuf::from(cache).join(name));
    let found = path.filter(|p| p.is_file());
    if found.is_none() {
        println!("skipped: ${{PIBIT_CACHE}}/{name} is absent; fetch it with `pibit fetch smollm2`");
    }
    found
}

/// A file made by `tests/golden/make_golden.py`.
pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new("tests/golden").join(name)
}
