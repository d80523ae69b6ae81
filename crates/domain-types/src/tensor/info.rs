//! What a source says of a tensor without reading it.

use crate::{DomainError, QuantFormat, Shape};
use alloc::string::String;

/// Name, format and shape of a tensor in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// GGUF name, for example `blk.0.attn_q.weight`.
    pub name: String,
    /// How its bytes are to be read.
    pub format: QuantFormat,
    /// Its logical shape, in weights.
    pub shape: Shape,
}

impl TensorInfo {
    /// Describes a tensor; fails where the format cannot hold the shape.
    pub fn new(name: impl Into<String>, format: QuantFormat, shape: Shape) -> Result<Self, DomainError> {
        format.byte_len(&shape)?;
        Ok(Self { name: name.into(), format, shape })
    }

    /// Whether this is a matrix of a linear layer or an embedding: two dimensions or more, not a norm or a bias.
    pub fn is_matrix(&self) -> bool {
        self.shape.dims().len() >= 2 && self.shape.rows() > 1
    }
}
