//! Weight formats as open descriptors.

mod catalogue;
mod row_rule;
pub mod scalar;

pub use catalogue::FormatCatalogue;
pub use row_rule::RowRule;

use crate::{DomainError, Shape};
use alloc::format;
use alloc::string::ToString;
use core::fmt;

/// How weights are laid out in bytes: a description that any crate can make, not a closed enum.
///
/// A format is identified by its [`id`](Self::id), a lower-case name such as `q4_k` or `piq3` that is also what
/// users type and what files carry. What the bytes *mean* is known to the codec that is registered for the id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct QuantFormat {
    id: &'static str,
    block_len: usize,
    block_bytes: usize,
    row_rule: RowRule,
    ggml_type: Option<u32>,
}

impl QuantFormat {
    /// Describes a format whose blocks hold `block_len` weights in `block_bytes` bytes.
    ///
    /// # Panics
    /// If a length is zero: descriptors are constants of a program, so this shows at its first start.
    pub const fn new(id: &'static str, block_len: usize, block_bytes: usize, row_rule: RowRule) -> Self {
        assert!(block_len > 0 && block_bytes > 0, "a block holds at least one weight and one byte");
        Self { id, block_len, block_bytes, row_rule, ggml_type: None }
    }

    /// The same format with the type number that ggml gives it in GGUF files.
    ///
    /// Formats without one are stored as I8 payload tensors plus metadata.
    #[must_use]
    pub const fn with_ggml_type(mut self, ggml_type: u32) -> Self {
        self.ggml_type = Some(ggml_type);
        self
    }

    /// The format's name: lower case, unique in a [`FormatCatalogue`].
    pub const fn id(&self) -> &'static str {
        self.id
    }

    /// Weights in a full block.
    pub const fn block_len(&self) -> usize {
        self.block_len
    }

    /// Bytes of a full block.
    pub const fn block_bytes(&self) -> usize {
        self.block_bytes
    }

    /// What the rows of a tensor in this format look like.
    pub const fn row_rule(&self) -> RowRule {
        self.row_rule
    }

    /// ggml's number for this format, if it has one.
    pub const fn ggml_type(&self) -> Option<u32> {
        self.ggml_type
    }

    /// Bits per weight of a full block, scales included. Without them where they belong to rows
    /// ([`RowRule::RowsDown`]): their share depends on the row length, see
    /// [`QuantTensor::bits_per_weight`](crate::QuantTensor::bits_per_weight).
    pub fn bits_per_weight(&self) -> f64 {
        self.block_bytes as f64 * 8.0 / self.block_len as f64
    }

    /// Bytes of one row of `row_len` weights, or an error where the format cannot hold such a row.
    pub fn row_bytes(&self, row_len: usize) -> Result<usize, DomainError> {
        let tail = row_len % self.block_len;
        let tail_bytes = match self.row_rule.tail_bytes(tail) {
            Some(bytes) if row_len > 0 => bytes,
            _ => {
                return Err(DomainError::RowLength {
                    format: self.id.to_string(),
                    multiple: self.row_multiple(),
                    row_len,
                });
            }
        };
        (row_len / self.block_len)
            .checked_mul(self.block_bytes)
            .and_then(|full| full.checked_add(tail_bytes))
            .ok_or_else(|| DomainError::Overflow(format!("row of {row_len} weights in {}", self.id)))
    }

    /// What row lengths must be divisible by.
    pub const fn row_multiple(&self) -> usize {
        match self.row_rule {
            RowRule::WholeBlocks | RowRule::RowsDown { .. } => self.block_len,
            RowRule::ShortTail { granule, .. } => granule,
        }
    }

    /// What the number of rows of a matrix must be divisible by.
    pub const fn row_group(&self) -> usize {
        match self.row_rule {
            RowRule::WholeBlocks | RowRule::ShortTail { .. } => 1,
            RowRule::RowsDown { row_group, .. } => row_group,
        }
    }

    /// Whether a tensor of this shape can be stored in this format.
    pub fn fits(&self, shape: &Shape) -> bool {
        self.byte_len(shape).is_ok()
    }

    /// **The** size function: bytes that a tensor of this shape takes, checked. Every constructor, reader and writer
    /// calls it.
    pub fn byte_len(&self, shape: &Shape) -> Result<usize, DomainError> {
        let (multiple, rows) = (self.row_group(), shape.matrix_rows());
        if !rows.is_multiple_of(multiple) {
            return Err(DomainError::RowCount { format: self.id.to_string(), multiple, rows });
        }
        self.row_bytes(shape.row_len())?
            .checked_mul(shape.rows())
            .filter(|&n| isize::try_from(n).is_ok())
            .ok_or_else(|| DomainError::Overflow(format!("tensor {shape} in {}", self.id)))
    }
}

impl fmt::Display for QuantFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id)
    }
}

impl fmt::Debug for QuantFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QuantFormat({}, {} weights in {} bytes)", self.id, self.block_len, self.block_bytes)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for QuantFormat {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIQ3: QuantFormat = QuantFormat::new(
        "piq3",
        256,
        98,
        RowRule::ShortTail { granule: 32, granule_bytes: 12, header_bytes: 2 },
    );

    #[test]
    fn short_tails_pay_one_header() {
        assert_eq!(PIQ3.row_bytes(256).unwrap(), 98);
        assert_eq!(PIQ3.row_bytes(576).unwrap(), 2 * 98 + 2 + 2 * 12);
        assert_eq!(PIQ3.row_bytes(32).unwrap(), 14);
        assert!((PIQ3.bits_per_weight() - 3.0625).abs() < 1e-12);
    }

    #[test]
    fn rows_that_do_not_fit_are_refused() {
        let e = PIQ3.row_bytes(33).unwrap_err();
        assert!(e.to_string().contains("multiple of 32"), "{e}");
        let q4_k = QuantFormat::new("q4_k", 256, 144, RowRule::WholeBlocks);
        assert!(q4_k.row_bytes(576).is_err());
        assert!(q4_k.row_bytes(0).is_err());
    }

    #[test]
    fn rows_down_needs_groups_of_rows_in_every_matrix() {
        let t3 = QuantFormat::new("t3", 32, 12, RowRule::RowsDown { row_group: 32, header_bytes: 2 });
        let size = |dims: &[usize]| t3.byte_len(&Shape::new(dims).unwrap());
        assert_eq!(size(&[64, 96]).unwrap(), 64 * (36 + 2));
        assert_eq!(size(&[2, 64, 96]).unwrap(), 2 * 64 * (36 + 2));
        for dims in [&[48, 96][..], &[2, 16, 96], &[96], &[1, 96]] {
            let e = size(dims).unwrap_err();
            assert!(e.to_string().contains("multiple of 32 rows"), "{e}");
        }
        assert!(matches!(size(&[64, 80]), Err(DomainError::RowLength { multiple: 32, .. })));
    }

    #[test]
    fn sizes_are_checked_against_overflow() {
        let wide = QuantFormat::new("wide", 1, 1 << 20, RowRule::WholeBlocks);
        let shape = Shape::matrix(1 << 30, 1 << 20).unwrap();
        assert!(matches!(wide.byte_len(&shape), Err(DomainError::Overflow(_))));
    }
}
