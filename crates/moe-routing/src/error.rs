//! What can go wrong between a gate and the weights of an expert.

use crate::ExpertCopy;
use domain_types::{DomainError, PortError};
use std::path::PathBuf;

/// Errors of this crate. Each says what, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MoeError {
    /// A gate computed something that is no number.
    #[error(
        "the gate of layer {layer} gave expert {expert} the logit {value}: the weights before it are damaged or their \
         quantization diverged; check the model with `pibit verify`"
    )]
    BadLogit {
        /// Block of the gate.
        layer: usize,
        /// Expert within the block.
        expert: usize,
        /// The logit.
        value: f32,
    },
    /// A slice of the wrong length.
    #[error("{what}: expected {expected}, got {actual}")]
    Length {
        /// What was counted.
        what: &'static str,
        /// What it should be.
        expected: usize,
        /// What it is.
        actual: usize,
    },
    /// A layer that the model does not have.
    #[error("there is no layer {layer}, the model has {layers}")]
    NoSuchLayer {
        /// The layer.
        layer: usize,
        /// How many there are.
        layers: usize,
    },
    /// An option outside its range.
    #[error("{option} = {value} is out of range: {range}")]
    BadOption {
        /// The option's name.
        option: &'static str,
        /// The value given.
        value: f64,
        /// What is possible.
        range: &'static str,
    },
    /// A policy that is not known.
    #[error(
        "policy {name:?} is not known; known are lru, lfu, arc, least-stale and affinity, and for simulations memory-aware and belady"
    )]
    UnknownPolicy {
        /// The name.
        name: String,
    },
    /// A device that is not known.
    #[error("device {name:?} is not known; known are esp32-p4, raspberry-pi-5, phone, browser and server")]
    UnknownDevice {
        /// The name.
        name: String,
    },
    /// An expert, or a copy of it, that the model does not have.
    #[error("there is no {copy}")]
    NoSuchExpert {
        /// Which.
        copy: ExpertCopy,
    },
    /// A budget that cannot hold a single expert.
    #[error(
        "an expert takes {bytes} bytes, the budget is {budget}: raise it, or quantize the experts to fewer bits"
    )]
    BudgetTooSmall {
        /// Bytes of the expert.
        bytes: usize,
        /// Bytes of the budget.
        budget: usize,
    },
    /// A budget that cannot hold all experts, however few bits they get.
    #[error(
        "all experts in their smallest formats take {bytes} bytes, the budget is {budget}: raise it, or page experts"
    )]
    PrecisionBudget {
        /// Bytes of all experts in their smallest formats.
        bytes: u64,
        /// Bytes of the budget.
        budget: u64,
    },
    /// Figures of an expert that make no sense.
    #[error("expert {expert}: {problem}")]
    BadDemand {
        /// Its number.
        expert: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// Low copies of a model of another size.
    #[error(
        "the model has {} layers of {} experts, the one for low copies {} of {}: quantize the same model to fewer bits",
        sizes[0].0, sizes[0].1, sizes[1].0, sizes[1].1
    )]
    OtherModel {
        /// Layers and experts of each.
        sizes: [(usize, usize); 2],
    },
    /// A low copy with other matrices than the full one.
    #[error("{copy} has other matrices than the full one: quantize the same model to fewer bits")]
    OtherExpert {
        /// Which.
        copy: ExpertCopy,
    },
    /// Low copies that are no smaller than what they stand in for.
    #[error("no expert of the model for low copies is smaller: quantize it to fewer bits")]
    NotLower,
    /// A thread wants more experts at once than fit.
    #[error(
        "no room for {copy}: it takes {bytes} of {budget} bytes and the rest is held by pins, some of them of this \
         thread; release one before the next is acquired, or raise the budget"
    )]
    Pinned {
        /// What was wanted.
        copy: ExpertCopy,
        /// Its bytes.
        bytes: usize,
        /// Bytes of the budget.
        budget: usize,
    },
    /// The operating system has less memory than the budget promised.
    #[error(
        "the system has no {bytes} bytes for an expert although the budget allows them: lower the budget"
    )]
    OutOfMemory {
        /// Bytes that were asked for.
        bytes: usize,
    },
    /// Bytes of an expert that are not those of the file when it was opened.
    #[error("{copy} does not match its SHA-256: the file was changed, or the disk or memory is failing")]
    Corrupt {
        /// Which.
        copy: ExpertCopy,
    },
    /// An expert that could not be read, however often it was tried. Nothing was written anywhere.
    #[error(
        "{copy} could not be loaded in {attempts} attempts: {source}; check the file with `pibit verify`"
    )]
    Load {
        /// Which.
        copy: ExpertCopy,
        /// How often it was tried.
        attempts: u32,
        /// What the last attempt failed with.
        source: PortError,
    },
    /// An expert whose bytes are right, but cannot be computed with.
    #[error("{copy} cannot be used: {source}")]
    Unusable {
        /// Which.
        copy: ExpertCopy,
        /// Why.
        source: PortError,
    },
    /// The operating system refused.
    #[error("{}: cannot be read: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// An expert whose place is not in its file.
    #[error("{}: {copy} lies outside the file of {file_len} bytes: it was cut off, fetch it again", path.display())]
    OutsideFile {
        /// Which expert.
        copy: ExpertCopy,
        /// Which file.
        path: PathBuf,
        /// How long it is.
        file_len: u64,
    },
    /// A router refused.
    #[error(transparent)]
    Routing(PortError),
    /// A trace that cannot be used.
    #[error("line {line} of the trace: {reason}; record it again with `--record-routes`")]
    BadTrace {
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A trace that cannot be written.
    #[error("the trace cannot be written: {source}")]
    TraceIo {
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A budget that is none.
    #[error("{text:?} is no budget: write bytes, such as 256MB or 1.5GiB, or a share, such as 25%")]
    BadBudget {
        /// What was written.
        text: String,
    },
    /// A kernel invariant does not hold.
    #[error(transparent)]
    Domain(#[from] DomainError),
}

impl From<MoeError> for PortError {
    fn from(error: MoeError) -> Self {
        Self::new(error)
    }
}

/// Checks that an option lies in a closed range.
pub(crate) fn in_range(
    option: &'static str,
    value: f32,
    (low, high): (f32, f32),
    range: &'static str,
) -> Result<(), MoeError> {
    if value >= low && value <= high {
        return Ok(());
    }
    Err(MoeError::BadOption { option, value: value.into(), range })
}
