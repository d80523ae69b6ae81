//! Tensors of F32.

use domain_types::{DomainError, QuantTensor, Shape, scalar};

/// Numbers as a tensor.
pub(crate) fn tensor(shape: Shape, values: &[f32]) -> Result<QuantTensor, DomainError> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    QuantTensor::new(scalar::F32, shape, bytes)
}

/// The numbers of such a tensor; `None` for any other format.
pub(crate) fn values(tensor: &QuantTensor) -> Option<Vec<f32>> {
    let is_f32 = *tensor.format() == scalar::F32;
    is_f32.then(|| tensor.bytes().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}
