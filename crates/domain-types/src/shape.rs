//! Tensor shapes.

use crate::DomainError;
use alloc::format;
use alloc::string::ToString;
use core::fmt;

/// The most dimensions a tensor may have (ggml's limit).
pub const MAX_DIMS: usize = 4;

/// The dimensions of a tensor, outermost first: a linear layer is `[out_features, in_features]`.
///
/// The last dimension is the **row**: weights that lie next to each other in memory and share blocks. (GGUF writes
/// dimensions innermost first; `model-store` turns them round.)
///
/// Invariants: 1 to [`MAX_DIMS`] dimensions, none zero, and the number of elements fits `usize`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    dims: [usize; MAX_DIMS],
    len: u8,
}

impl Shape {
    /// Checks and keeps dimensions, outermost first.
    pub fn new(dims: &[usize]) -> Result<Self, DomainError> {
        let bad = |reason| DomainError::BadShape { dims: format!("{dims:?}"), reason };
        if dims.is_empty() || dims.len() > MAX_DIMS {
            return Err(bad("it must have 1 to 4 dimensions"));
        }
        if dims.contains(&0) {
            return Err(bad("no dimension may be zero"));
        }
        let product = dims.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
        // f32 copies of a tensor are indexed with isize, so four bytes per element must fit as well.
        if product.and_then(|n| n.checked_mul(8)).is_none_or(|n| n > isize::MAX as usize) {
            return Err(bad("it has more elements than this machine can address"));
        }
        let mut kept = [1; MAX_DIMS];
        kept[..dims.len()].copy_from_slice(dims);
        Ok(Self { dims: kept, len: dims.len() as u8 })
    }

    /// A vector of `n` elements.
    pub fn vector(n: usize) -> Result<Self, DomainError> {
        Self::new(&[n])
    }

    /// A matrix of `rows` × `row_len`: `[out_features, in_features]` for a linear layer.
    pub fn matrix(rows: usize, row_len: usize) -> Result<Self, DomainError> {
        Self::new(&[rows, row_len])
    }

    /// The dimensions, outermost first.
    pub fn dims(&self) -> &[usize] {
        &self.dims[..usize::from(self.len)]
    }

    /// Elements in a row: the innermost dimension.
    pub fn row_len(&self) -> usize {
        self.dims[usize::from(self.len) - 1]
    }

    /// Number of rows: the product of all other dimensions.
    pub fn rows(&self) -> usize {
        self.elements() / self.row_len()
    }

    /// Rows of each matrix in a stack of them: the last dimension but one, or 1 for a vector.
    pub fn matrix_rows(&self) -> usize {
        self.dims().iter().rev().nth(1).copied().unwrap_or(1)
    }

    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.dims().iter().product()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, d) in self.dims().iter().enumerate() {
            if i > 0 {
                f.write_str("×")?;
            }
            f.write_str(&d.to_string())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shape({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_row_length_follow_the_innermost_dimension() {
        let s = Shape::new(&[8, 3, 256]).unwrap();
        assert_eq!((s.rows(), s.row_len(), s.elements()), (24, 256, 6144));
        assert_eq!((s.matrix_rows(), s.to_string().as_str()), (3, "8×3×256"));
        let vector = Shape::vector(5).unwrap();
        assert_eq!((vector.rows(), vector.matrix_rows()), (1, 1));
    }

    #[test]
    fn unusable_dimensions_are_refused() {
        assert!(Shape::new(&[]).is_err());
        assert!(Shape::new(&[1; 5]).is_err());
        assert!(Shape::new(&[4, 0]).is_err());
        assert!(Shape::new(&[usize::MAX, 2]).is_err());
        assert!(Shape::new(&[usize::MAX / 2]).is_err());
    }
}
