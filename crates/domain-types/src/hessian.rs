//! What calibration knows of a linear layer.

use crate::DomainError;
use alloc::format;
use alloc::vec::Vec;

/// Second moment of a linear layer's inputs, H = E\[x·xᵀ\]: the Hessian of the layer's squared output error, up to a
/// factor. Symmetric, one row and column per input; its diagonal is llama.cpp's importance matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Hessian {
    width: usize,
    tokens: u64,
    values: Vec<f32>,
}

impl Hessian {
    /// Checks that `values` (width × width, row after row) are finite and that no input's mean square is negative.
    /// `tokens` is the number of inputs that the mean is over.
    pub fn new(width: usize, tokens: u64, values: Vec<f32>) -> Result<Self, DomainError> {
        if width == 0 || width.checked_mul(width) != Some(values.len()) {
            let size = values.len();
            return Err(DomainError::BadHessian(format!("{size} values for {width} inputs")));
        }
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            let (row, column) = (at / width, at % width);
            return Err(DomainError::BadHessian(format!("row {row}, column {column} is {}", values[at])));
        }
        let hessian = Self { width, tokens, values };
        let negative = hessian.diagonal().position(|v| v < 0.0);
        match negative {
            Some(input) => {
                Err(DomainError::BadHessian(format!("the mean square of input {input} is negative")))
            }
            None => Ok(hessian),
        }
    }

    /// Number of inputs.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Inputs that the mean is over.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// All entries, row after row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Mean square of each input: importance per column.
    pub fn diagonal(&self) -> impl Iterator<Item = f32> + '_ {
        self.values.iter().copied().step_by(self.width + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn is_checked() {
        let good = Hessian::new(2, 5, vec![1.0, 0.5, 0.5, 2.0]).expect("sound");
        assert_eq!(good.diagonal().collect::<Vec<_>>(), [1.0, 2.0]);
        assert_eq!((good.width(), good.tokens()), (2, 5));
        for bad in [vec![1.0; 3], vec![1.0, f32::NAN, 0.0, 1.0], vec![1.0, 0.0, 0.0, -1.0]] {
            Hessian::new(2, 5, bad).expect_err("unsound");
        }
        Hessian::new(0, 0, vec![]).expect_err("no inputs");
    }
}
