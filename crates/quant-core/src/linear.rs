//! [`Linear`] on packed weights: rows are decoded a tile at a time and used for every token.

mod dot;
mod fused;

pub(crate) use fused::{FusedLinear, rows_per_task, times_panels, wants_panels, with_activations};

use crate::gemm::rows_by_tokens;
use crate::parallel::for_each_row;
use domain_types::{Linear, QuantTensor, TensorView};
use std::cell::RefCell;

/// Rows that are decoded together for a matrix product. 64 rows of 1,536 weights are 400 kB of F32: they stay in the
/// second-level cache while all tokens pass over them.
const TILE_ROWS: usize = 64;

thread_local! {
    /// Decoded weights. Kept per thread, so that decoding a token allocates nothing.
    static DECODED: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Decodes a row of a tensor.
type DecodeRow = fn(&TensorView<'_>, usize, &mut [f32]);

/// A weight matrix that stays packed.
pub(crate) struct PackedLinear {
    tensor: QuantTensor,
    decode_row: DecodeRow,
}

impl PackedLinear {
    pub(crate) fn new(tensor: QuantTensor, decode_row: DecodeRow) -> Self {
        Self { tensor, decode_row }
    }

    /// Runs `work` on rows `rows`, decoded.
    fn with_rows(&self, rows: std::ops::Range<usize>, work: impl FnOnce(&[f32])) {
        let view = self.tensor.view();
        let n = self.in_features();
        DECODED.with_borrow_mut(|scratch| {
            if scratch.len() < rows.len() * n {
                scratch.resize(rows.len() * n, 0.0);
            }
            let scratch = &mut scratch[..rows.len() * n];
            for (row, out) in rows.zip(scratch.chunks_exact_mut(n)) {
                (self.decode_row)(&view, row, out);
            }
            work(scratch);
        });
    }
}

impl Linear for PackedLinear {
    fn in_features(&self) -> usize {
        self.tensor.shape().row_len()
    }

    fn out_features(&self) -> usize {
        self.tensor.shape().rows()
    }

    fn matvec(&self, x: &[f32], y: &mut [f32]) {
        assert_eq!((x.len(), y.len()), (self.in_features(), self.out_features()));
        let rows_per_task = (32_768 / x.len()).clamp(1, TILE_ROWS);
        for_each_row(y, rows_per_task, |task, y| {
            for (offset, out) in y.iter_mut().enumerate() {
                let row = task * rows_per_task + offset;
                self.with_rows(row..row + 1, |weights| *out = dot::dot(weights, x));
            }
        });
    }

    fn matmul(&self, x: &[f32], tokens: usize, y: &mut [f32]) {
        let (n, m) = (self.in_features(), self.out_features());
        assert_eq!((x.len(), y.len()), (tokens * n, tokens * m));
        if tokens == 1 {
            return self.matvec(x, y);
        }
        // Each tile of rows writes its own contiguous part of the transposed output.
        let mut transposed = vec![0.0; tokens * m];
        for_each_row(&mut transposed, TILE_ROWS * tokens, |tile, out| {
            let first = tile * TILE_ROWS;
            self.with_rows(first..first + out.len() / tokens, |weights| rows_by_tokens(weights, x, n, out));
        });
        transpose(&transposed, tokens, y);
    }

    fn row(&self, index: usize, out: &mut [f32]) {
        assert_eq!(out.len(), self.in_features());
        (self.decode_row)(&self.tensor.view(), index, out);
    }

    fn weight_bytes(&self) -> usize {
        self.tensor.bytes().len()
    }
}

/// Side of the squares that [`transpose`] moves: a cache line of floats.
const SQUARE: usize = 16;

/// Rows × tokens to tokens × rows, square by square, so that lines are used whole.
pub(crate) fn transpose(transposed: &[f32], tokens: usize, y: &mut [f32]) {
    let rows = transposed.len() / tokens;
    for_each_row(y, SQUARE * rows, |tile, y| {
        let first = tile * SQUARE;
        for start in (0..rows).step_by(SQUARE) {
            let end = rows.min(start + SQUARE);
            for (token, y) in y.chunks_exact_mut(rows).enumerate() {
                for (row, out) in (start..end).zip(&mut y[start..end]) {
                    *out = transposed[row * tokens + first + token];
                }
            }
        }
    });
}
