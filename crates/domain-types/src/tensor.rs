//! Tensors: bytes with a format and a shape, validated once.

mod info;

pub use info::TensorInfo;

use crate::{DomainError, QuantFormat, RowRule, Shape};
use alloc::string::ToString;
use bytes::Bytes;

/// A borrowed tensor. Holding one means: the byte length is exactly what format and shape ask for.
#[derive(Debug, Clone, Copy)]
pub struct TensorView<'a> {
    format: QuantFormat,
    shape: Shape,
    bytes: &'a [u8],
}

impl<'a> TensorView<'a> {
    /// The single validating constructor.
    pub fn new(format: QuantFormat, shape: Shape, bytes: &'a [u8]) -> Result<Self, DomainError> {
        let expected = format.byte_len(&shape)?;
        if bytes.len() != expected {
            return Err(DomainError::ByteLength {
                format: format.id().to_string(),
                shape: shape.to_string(),
                expected,
                actual: bytes.len(),
            });
        }
        Ok(Self { format, shape, bytes })
    }

    /// How the bytes are to be read.
    pub fn format(&self) -> &QuantFormat {
        &self.format
    }

    /// The logical shape, in weights.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// All bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Bytes of each row: how far rows are apart, where they lie one after another.
    pub fn row_stride(&self) -> usize {
        self.bytes.len() / self.shape.rows()
    }

    /// The bytes of row `index`.
    ///
    /// # Panics
    /// If there is no such row, or the format's rows do not lie together ([`RowRule::RowsDown`]).
    pub fn row(&self, index: usize) -> &'a [u8] {
        assert!(
            !matches!(self.format.row_rule(), RowRule::RowsDown { .. }),
            "the bytes of a row of {} do not lie together",
            self.format
        );
        let stride = self.row_stride();
        &self.bytes[index * stride..(index + 1) * stride]
    }
}

/// An owned or shared tensor: [`Bytes`] is a cheap handle on a heap buffer, a memory map or anything else, so cloning
/// never copies weights.
#[derive(Debug, Clone)]
pub struct QuantTensor {
    format: QuantFormat,
    shape: Shape,
    bytes: Bytes,
}

impl QuantTensor {
    /// Checks through [`TensorView::new`] and keeps the bytes.
    pub fn new(format: QuantFormat, shape: Shape, bytes: impl Into<Bytes>) -> Result<Self, DomainError> {
        let bytes = bytes.into();
        TensorView::new(format, shape, &bytes)?;
        Ok(Self { format, shape, bytes })
    }

    /// A borrowed view.
    pub fn view(&self) -> TensorView<'_> {
        TensorView { format: self.format, shape: self.shape, bytes: &self.bytes }
    }

    /// How the bytes are to be read.
    pub fn format(&self) -> &QuantFormat {
        &self.format
    }

    /// The logical shape, in weights.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// A handle on the bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Real bits per weight of this tensor, headers of short blocks included.
    pub fn bits_per_weight(&self) -> f64 {
        self.bytes.len() as f64 * 8.0 / self.shape.elements() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::{F16, F32};
    use alloc::vec;

    #[test]
    fn only_the_exact_length_is_a_tensor() {
        let shape = Shape::matrix(2, 3).unwrap();
        assert!(TensorView::new(F32, shape, &[0; 24]).is_ok());
        assert!(TensorView::new(F32, shape, &[0; 23]).is_err());
        assert!(QuantTensor::new(F16, shape, vec![0; 24]).is_err());
    }

    #[test]
    fn rows_are_strided() {
        let shape = Shape::matrix(2, 2).unwrap();
        let bytes = [0, 1, 2, 3, 4, 5, 6, 7];
        let view = TensorView::new(F16, shape, &bytes).unwrap();
        assert_eq!(view.row(1), &[4, 5, 6, 7]);
    }
}
