//! Writing an adapter.

use super::key;
use crate::context::Context;
use crate::rewrite::{self, Rewritten};
use anyhow::Result;
use domain_types::{Metadata, QuantTensor, TensorInfo};
use std::path::Path;

/// An adapter that was trained.
pub(crate) struct NewAdapter<'a> {
    /// SHA-256 of the base's file.
    pub(crate) base_sha256: &'a str,
    /// The base's architecture.
    pub(crate) architecture: &'a str,
    /// Additions are multiplied by α/rank.
    pub(crate) alpha: f32,
    /// Factors under llama.cpp's names.
    pub(crate) tensors: &'a [(String, QuantTensor)],
}

/// Writes the file, which appears whole or not at all. Returns its size.
pub(crate) fn write(context: &Context, adapter: &NewAdapter<'_>, output: &Path) -> Result<u64> {
    let mut metadata = Metadata::new();
    metadata.set(key::TYPE, key::ADAPTER);
    metadata.set(key::KIND, key::LORA);
    metadata.set(key::ARCHITECTURE, adapter.architecture);
    metadata.set(key::ALPHA, adapter.alpha);
    metadata.set(key::BASE_SHA256, adapter.base_sha256);
    let infos = adapter.tensors.iter().map(|(name, t)| TensorInfo::new(name, *t.format(), *t.shape()));
    let target = Rewritten {
        infos: infos.collect::<Result<_, _>>()?,
        metadata,
        source_sha256: Some(adapter.base_sha256),
        output,
    };
    Ok(rewrite::write(context, "write", target, |i| Ok(adapter.tensors[i].1.clone()))?.bytes)
}
