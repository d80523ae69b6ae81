//! Floats to packed weights.

use crate::{DomainError, Hessian, PortError, QuantFormat, QuantTensor, Shape};
use alloc::string::ToString;

/// A matrix to quantize. Holding one means: lengths fit and every number is finite.
#[derive(Debug, Clone, Copy)]
pub struct QuantizeRequest<'a> {
    weights: &'a [f32],
    shape: Shape,
    importance: Option<&'a [f32]>,
    hessian: Option<&'a Hessian>,
}

impl<'a> QuantizeRequest<'a> {
    /// Checks lengths and that all weights are finite.
    pub fn new(weights: &'a [f32], shape: Shape) -> Result<Self, PortError> {
        if weights.len() != shape.elements() {
            return Err(DomainError::ByteLength {
                format: "f32".into(),
                shape: shape.to_string(),
                expected: shape.elements() * 4,
                actual: weights.len() * 4,
            }
            .into());
        }
        if let Some(at) = weights.iter().position(|w| !w.is_finite()) {
            return Err(PortError::invalid(alloc::format!(
                "weight {at} of a tensor {shape} is {}: the source is damaged or its training diverged; check it \
                 with `pibit verify`",
                weights[at]
            )));
        }
        Ok(Self { weights, shape, importance: None, hessian: None })
    }

    /// Adds an importance per column, E\[x²\] of each input (llama.cpp's imatrix): one per weight of a row, finite and
    /// not negative.
    pub fn with_importance(mut self, importance: &'a [f32]) -> Result<Self, PortError> {
        if importance.len() != self.shape.row_len() {
            return Err(PortError::invalid(alloc::format!(
                "importance has {} entries, the tensor has rows of {}",
                importance.len(),
                self.shape.row_len()
            )));
        }
        if importance.iter().any(|x| !x.is_finite() || *x < 0.0) {
            return Err(PortError::invalid("importance must be finite and not negative"));
        }
        self.importance = Some(importance);
        Ok(self)
    }

    /// Adds the second moment of the layer's inputs, for Hessian-aware rounding: as wide as a row.
    pub fn with_hessian(mut self, hessian: &'a Hessian) -> Result<Self, PortError> {
        if hessian.width() != self.shape.row_len() {
            return Err(PortError::invalid(alloc::format!(
                "the Hessian is of {} inputs, the tensor has rows of {}",
                hessian.width(),
                self.shape.row_len()
            )));
        }
        self.hessian = Some(hessian);
        Ok(self)
    }

    /// The weights, row after row.
    pub fn weights(&self) -> &'a [f32] {
        self.weights
    }

    /// Their shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Importance per column, if known.
    pub fn importance(&self) -> Option<&'a [f32]> {
        self.importance
    }

    /// Second moment of the inputs, if known.
    pub fn hessian(&self) -> Option<&'a Hessian> {
        self.hessian
    }
}

/// Makes packed weights of one format. Deterministic: the same request gives the same bytes.
pub trait Quantizer: Send + Sync {
    /// The format it makes.
    fn format(&self) -> QuantFormat;

    /// Quantizes a tensor; an error where the format cannot hold its rows.
    fn quantize(&self, request: &QuantizeRequest<'_>) -> Result<QuantTensor, PortError>;
}
