//! Checks a file against the checksums that it carries.

use crate::provenance::{key, sha256_bytes};
use crate::{GgufFile, StoreError, gguf};
use domain_types::{MetaArray, MetaValue, Metadata, TensorSource};

/// What [`verify`] found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct VerifyReport {
    /// All in one word.
    pub status: VerifyStatus,
    /// Version of pibit that wrote the file.
    pub version: Option<String>,
    /// SHA-256 of what the model was made from.
    pub source_sha256: Option<String>,
    /// Metadata and tensor descriptions.
    pub config: Check,
    /// Each tensor, in the order of the file.
    pub tensors: Vec<TensorCheck>,
}

/// The outcome for a whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifyStatus {
    /// Everything is as it was written.
    Intact,
    /// Something differs from its checksum, or some checksums are missing.
    Damaged,
    /// The file carries no checksums: it was not written by pibit. Its structure is sound.
    NoHashesRecorded,
}

/// The outcome for one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// As it was written.
    Intact,
    /// Differs from its checksum.
    Mismatch,
    /// There is no checksum.
    NotRecorded,
}

/// The outcome for a tensor.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct TensorCheck {
    /// Its name.
    pub name: String,
    /// The outcome.
    pub check: Check,
}

/// Checks metadata and every tensor against the checksums in the file. A mismatch is a finding in the report, not
/// an error.
pub fn verify(file: &GgufFile) -> Result<VerifyReport, StoreError> {
    let metadata = file.metadata();
    let hashes = recorded_hashes(metadata)?;
    let config = match metadata.str(key::CONFIG_SHA256) {
        None => Check::NotRecorded,
        Some(recorded) => compare(recorded, &gguf::config_sha256(metadata, file.tensors())),
    };
    let mut tensors = Vec::with_capacity(file.tensors().len());
    for (i, info) in file.tensors().iter().enumerate() {
        let check = match hashes.get(i) {
            None => Check::NotRecorded,
            Some(recorded) => {
                let range = file.byte_range(&info.name).unwrap_or_default();
                compare(recorded, &sha256_bytes(&file.as_bytes()[range]))
            }
        };
        tensors.push(TensorCheck { name: info.name.clone(), check });
    }
    let text = |key| metadata.str(key).map(str::to_owned);
    let status = summarise(config, &tensors, hashes.len());
    Ok(VerifyReport {
        status,
        version: text(key::VERSION),
        source_sha256: text(key::SOURCE_SHA256),
        config,
        tensors,
    })
}

fn recorded_hashes(metadata: &Metadata) -> Result<&[String], StoreError> {
    match metadata.get(key::TENSOR_SHA256) {
        None => Ok(&[]),
        Some(MetaValue::Array(MetaArray::String(hashes))) => Ok(hashes),
        Some(_) => Err(StoreError::missing(key::TENSOR_SHA256)),
    }
}

fn compare(recorded: &str, actual: &str) -> Check {
    if recorded == actual { Check::Intact } else { Check::Mismatch }
}

fn summarise(config: Check, tensors: &[TensorCheck], recorded: usize) -> VerifyStatus {
    let mut all = tensors.iter().map(|t| t.check).chain([config]);
    if all.clone().all(|c| c == Check::Intact) && recorded == tensors.len() {
        VerifyStatus::Intact
    } else if recorded == 0 && all.all(|c| c == Check::NotRecorded) {
        VerifyStatus::NoHashesRecorded
    } else {
        VerifyStatus::Damaged
    }
}
