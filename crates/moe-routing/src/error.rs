//! What can go wrong between a gate and the weights of an expert.

use domain_types::{DomainError, PortError};

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
