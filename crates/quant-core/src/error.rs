//! Errors of this context.

use domain_types::{PortError, QuantFormat};

/// What can go wrong in quantization.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantError {
    /// No format of this name.
    #[error("format {name:?} is not known; known formats: {known}")]
    UnknownFormat {
        /// What was asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// The format can be read but not made.
    #[error("format {name} can be read but not made by this version; formats that can be made: {encodable}")]
    DecodeOnly {
        /// What was asked for.
        name: String,
        /// The formats that have an encoder.
        encodable: String,
    },
    /// An option that the format does not have or that is out of range.
    #[error("format {format}: {reason}")]
    BadOption {
        /// The format.
        format: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A Hessian that is no second moment.
    #[error("the Hessian of {width} inputs is far from positive semidefinite; calibrate again")]
    IndefiniteHessian {
        /// Inputs.
        width: usize,
    },
    /// A Hessian of another layer.
    #[error("the Hessian is of {hessian} inputs, the weights are {weights} in rows of {row_len}")]
    HessianWidth {
        /// Inputs of the Hessian.
        hessian: usize,
        /// Weights given.
        weights: usize,
        /// Weights in a row.
        row_len: usize,
    },
    /// A tensor of one format was handed to the codec of another.
    #[error("codec {codec} was given a tensor of format {tensor}")]
    WrongFormat {
        /// The codec's format.
        codec: &'static str,
        /// The tensor's format.
        tensor: &'static str,
    },
    /// An output buffer of the wrong length.
    #[error("the output has room for {actual} weights, the tensor has {expected}")]
    OutputLength {
        /// Weights of the tensor.
        expected: usize,
        /// Room given.
        actual: usize,
    },
    /// Weights to compare with are too few or too many.
    #[error("{actual} original weights were given for a tensor of {expected}; both must be the same tensor")]
    WeightCount {
        /// Weights of the tensor.
        expected: usize,
        /// Weights given.
        actual: usize,
    },
    /// A weight that is not a number, or infinite.
    #[error("row {row} of the {which} weights has entries that are not finite; the source is damaged")]
    NotFinite {
        /// `original` or `decoded`.
        which: &'static str,
        /// The first such row.
        row: usize,
    },
    /// A rotation of a width whose odd factor is too large to mix quickly.
    #[error(
        "there is no rotation of vectors of {width}: a width is a power of two times an odd factor of at most {largest}, this one has {factor}; quantize without rotation"
    )]
    RotationWidth {
        /// What was asked for.
        width: usize,
        /// Its odd factor.
        factor: usize,
        /// The largest factor.
        largest: usize,
    },
    /// A tensor that no ggml format holds exactly.
    #[error("a tensor {shape} of format {format} cannot be exported exactly: {reason}")]
    NoExactExport {
        /// The tensor's format.
        format: &'static str,
        /// Its shape.
        shape: String,
        /// Why not, and what would help.
        reason: String,
    },
}

impl QuantError {
    /// Importance was not given to a quantizer whose options ask for its use.
    pub(crate) fn needs_importance(format: QuantFormat) -> Self {
        Self::BadOption {
            format: format.id().into(),
            reason: "step search imatrix needs an importance per column; give one, or choose mse".into(),
        }
    }
}

impl From<QuantError> for PortError {
    fn from(error: QuantError) -> Self {
        Self::new(error)
    }
}
