//! How the three matrices of an expert lie in one buffer.

use crate::{DomainError, QuantFormat, QuantTensor, Shape};
use alloc::format;
use bytes::Bytes;
use core::ops::Range;

/// Where a part starts is a multiple of this: a cache line.
const ALIGNMENT: usize = 64;

/// A matrix of an expert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExpertPart {
    /// `[ffn_width, width]`, through the activation.
    Gate,
    /// `[ffn_width, width]`.
    Up,
    /// `[width, ffn_width]`, back to the residual stream.
    Down,
}

impl ExpertPart {
    /// All three, in the order of [`ExpertLayout`].
    pub const ALL: [Self; 3] = [Self::Gate, Self::Up, Self::Down];

    /// What names of tensors call it.
    pub(super) const fn stem(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// Formats and shapes of an expert's matrices, where each starts in a buffer that holds all three, and what the buffer
/// hashes to.
///
/// Invariants: the matrices fit each other, each starts at a multiple of 64 bytes, and the sum does not overflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpertLayout {
    parts: [(QuantFormat, Shape); 3],
    starts: [usize; 3],
    len: usize,
    sha256: [u8; 32],
}

impl ExpertLayout {
    /// Places gate, up and down one after another. `sha256` is of the three parts' bytes in this order, without the
    /// gaps between them.
    pub fn new(parts: [(QuantFormat, Shape); 3], sha256: [u8; 32]) -> Result<Self, DomainError> {
        let [gate, up, down] = parts.map(|(_, shape)| shape);
        let fit = [gate, up, down].iter().all(|shape| shape.dims().len() == 2)
            && gate == up
            && (down.rows(), down.row_len()) == (gate.row_len(), gate.rows());
        if !fit {
            return Err(DomainError::BadSpec(format!(
                "an expert of gate {gate}, up {up} and down {down} is no gated feed-forward layer"
            )));
        }
        let (mut starts, mut len) = ([0; 3], 0_usize);
        for (start, (format, shape)) in starts.iter_mut().zip(&parts) {
            *start = len.next_multiple_of(ALIGNMENT);
            let end = start.checked_add(format.byte_len(shape)?).filter(|&n| n <= isize::MAX as usize / 2);
            len = end.ok_or_else(|| DomainError::Overflow(format!("expert with a matrix {shape}")))?;
        }
        Ok(Self { parts, starts, len, sha256 })
    }

    /// Bytes of the buffer.
    pub fn byte_len(&self) -> usize {
        self.len
    }

    /// SHA-256 of the bytes of gate, up and down.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// Format and shape of a part.
    pub fn part(&self, part: ExpertPart) -> (QuantFormat, Shape) {
        self.parts[part as usize]
    }

    /// Where a part lies in the buffer.
    pub fn range(&self, part: ExpertPart) -> Range<usize> {
        let (format, shape) = self.part(part);
        let start = self.starts[part as usize];
        start..start + format.byte_len(&shape).expect("checked by new")
    }

    /// The part of a filled buffer as a tensor, without copying.
    ///
    /// # Panics
    /// If the buffer is shorter than [`byte_len`](Self::byte_len).
    pub fn tensor(&self, part: ExpertPart, buffer: &Bytes) -> QuantTensor {
        let (format, shape) = self.part(part);
        QuantTensor::new(format, shape, buffer.slice(self.range(part))).expect("range has the exact length")
    }

    /// Bits per weight of the expert.
    pub fn bits_per_weight(&self) -> f64 {
        let bytes: usize = ExpertPart::ALL.iter().map(|&part| self.range(part).len()).sum();
        let weights: usize = self.parts.iter().map(|(_, shape)| shape.elements()).sum();
        bytes as f64 * 8.0 / weights as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::{F16, F32};
    use alloc::vec;

    fn shape(rows: usize, row_len: usize) -> Shape {
        Shape::matrix(rows, row_len).unwrap()
    }

    #[test]
    fn parts_lie_apart_and_aligned() {
        let parts = [(F16, shape(3, 5)), (F16, shape(3, 5)), (F32, shape(5, 3))];
        let layout = ExpertLayout::new(parts, [0; 32]).unwrap();
        let ranges = ExpertPart::ALL.map(|part| layout.range(part));
        assert_eq!(ranges, [0..30, 64..94, 128..188]);
        assert_eq!((layout.byte_len(), layout.bits_per_weight()), (188, (30 + 30 + 60) as f64 * 8.0 / 45.0));
        let buffer = Bytes::from(vec![7; 188]);
        assert_eq!(layout.tensor(ExpertPart::Down, &buffer).shape(), &shape(5, 3));
    }

    #[test]
    fn matrices_that_do_not_fit_are_refused() {
        let wrong = [(F16, shape(3, 5)), (F16, shape(3, 5)), (F16, shape(3, 5))];
        assert!(ExpertLayout::new(wrong, [0; 32]).is_err());
        let [up, down] = [shape(1 << 29, 1 << 30), shape(1 << 30, 1 << 29)];
        let wide = [up, up, down].map(|shape| (F32, shape));
        assert!(matches!(ExpertLayout::new(wide, [0; 32]), Err(DomainError::Overflow(_))));
    }
}
