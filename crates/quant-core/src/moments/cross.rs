//! Moments between two streams: what a layer should give, and what it reads.

use crate::gemm::{Strided, add_product, rows_times};
use crate::parallel::for_each_row;

/// Tokens whose products are summed in F32.
const PIECE: usize = 512;

/// Rows of the sum that a thread takes at a time.
const STRIP: usize = 32;

/// Σ y·xᵀ over pairs of rows: outputs × inputs, in F64 over F32 products of at most 512 tokens. Sums do not depend on
/// the number of threads.
#[derive(Debug, Clone)]
pub struct CrossMoment {
    inputs: usize,
    tokens: usize,
    sums: Vec<f64>,
}

impl CrossMoment {
    /// An empty sum for vectors so long.
    pub fn new(outputs: usize, inputs: usize) -> Self {
        Self { inputs, tokens: 0, sums: vec![0.0; outputs * inputs] }
    }

    /// Adds the products of rows of `y` with rows of `x`.
    ///
    /// # Panics
    /// If both do not hold the same number of whole rows.
    pub fn add(&mut self, y: &[f32], x: &[f32]) {
        let (inputs, outputs) = (self.inputs, self.sums.len() / self.inputs);
        assert!(
            y.len().is_multiple_of(outputs) && y.len() / outputs * inputs == x.len(),
            "rows must be pairs"
        );
        for (y, x) in y.chunks(PIECE * outputs).zip(x.chunks(PIECE * inputs)) {
            let tokens = x.len() / inputs;
            for_each_row(&mut self.sums, STRIP * inputs, |strip, sums| {
                let mut products = vec![0.0; sums.len()];
                let y = Strided::rows(&y[strip * STRIP..], tokens, sums.len() / inputs, outputs);
                add_product(y.transposed(), Strided::rows(x, tokens, inputs, inputs), &mut products);
                sums.iter_mut().zip(&products).for_each(|(sum, product)| *sum += f64::from(*product));
            });
        }
        self.tokens += x.len() / inputs;
    }

    /// W times the mean: the moment of a layer's outputs W·y, for weights that are rows as long as `y`.
    pub fn of_outputs(&self, weights: &[f32]) -> Vec<f32> {
        rows_times(weights, &self.mean(), self.sums.len() / self.inputs, self.inputs)
    }

    /// The mean of y·xᵀ, row after row of y.
    pub fn mean(&self) -> Vec<f32> {
        self.sums.iter().map(|sum| (sum / self.tokens as f64) as f32).collect()
    }
}
