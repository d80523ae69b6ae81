//! What a file says before its weights.

use super::encode;
use crate::StoreError;
use crate::gguf::raw_header::RawHeader;
use crate::gguf::{ALIGNMENT_KEY, payload};
use crate::provenance::key;
use domain_types::{Metadata, TensorInfo};
use std::collections::HashSet;

/// Stands where a hash will be: the same length, so that the header does not move.
const NO_HASH_YET: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A header that our own reader accepts, before any file exists.
pub(super) struct Header {
    pub(super) file: String,
    pub(super) metadata: Metadata,
    pub(super) tensors: Vec<TensorInfo>,
    pub(super) bytes: Vec<u8>,
}

impl Header {
    pub(super) fn prepare(
        file: String,
        mut metadata: Metadata,
        tensors: Vec<TensorInfo>,
        source_sha256: Option<&str>,
    ) -> Result<Self, StoreError> {
        set_provenance(&mut metadata, &tensors, source_sha256);
        let refuse = |reason: String| StoreError::Write { file: file.clone(), reason };
        let mut names = HashSet::new();
        if let Some(twice) = tensors.iter().find(|t| !names.insert(t.name.as_str())) {
            return Err(refuse(format!("tensor `{}` is described twice", twice.name)));
        }
        for tensor in &tensors {
            tensor.format.byte_len(&tensor.shape)?;
        }
        let bytes = encode::header(&metadata, &tensors);
        RawHeader::read(&bytes).map_err(|rejection| refuse(rejection.fault.to_string()))?;
        Ok(Self { file, metadata, tensors, bytes })
    }
}

fn set_provenance(metadata: &mut Metadata, tensors: &[TensorInfo], source_sha256: Option<&str>) {
    for stale in [ALIGNMENT_KEY, payload::NAMES, payload::FORMATS, payload::SHAPES, key::SOURCE_SHA256] {
        metadata.remove(stale);
    }
    payload::record(tensors, metadata);
    if metadata.get("general.quantization_version").is_none()
        && tensors.iter().any(|t| t.format.block_len() > 1 && t.format.ggml_type().is_some())
    {
        metadata.set("general.quantization_version", 2_u32); // ggml's GGML_QNT_VERSION
    }
    metadata.set(key::VERSION, env!("CARGO_PKG_VERSION"));
    if let Some(hash) = source_sha256 {
        metadata.set(key::SOURCE_SHA256, hash);
    }
    metadata.set(key::CONFIG_SHA256, NO_HASH_YET);
    metadata.set(key::TENSOR_SHA256, vec![NO_HASH_YET.to_owned(); tensors.len()]);
}
