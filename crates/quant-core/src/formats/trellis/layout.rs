//! Where bits lie.
//!
//! A matrix of R rows and C columns is R·k/8 runs of C bytes, then an F16 scale for each row:
//!
//! > byte b·C + c holds bits 8b to 8b + 7 of the string of column c, and the code of row i is bits k·i to k·i + k − 1.
//!
//! So a vector load takes the same bits of neighbouring columns, a shift and a mask (and at k = 3 sometimes the next
//! run) give four bits of a window, and one load of activations serves all rows that a run has bits of.

use super::{SCALE_BYTES, Trellis};
use crate::formats::read_f16;
use domain_types::TensorView;
use std::marker::PhantomData;

/// The packed bytes of one matrix.
pub(super) struct Packed<'a, T> {
    columns: usize,
    codes: &'a [u8],
    scales: &'a [u8],
    code: PhantomData<T>,
}

impl<'a, T: Trellis> Packed<'a, T> {
    /// Splits the bytes of a matrix into codes and scales.
    pub(super) fn new(bytes: &'a [u8], columns: usize) -> Self {
        let rows = bytes.len() / (columns * T::BITS / 8 + SCALE_BYTES);
        let (codes, scales) = bytes.split_at(bytes.len() - rows * SCALE_BYTES);
        Self { columns, codes, scales, code: PhantomData }
    }

    /// The matrix that row `index` of a tensor is in, and the row's index there.
    pub(super) fn of_row(tensor: &TensorView<'a>, index: usize) -> (Self, usize) {
        let shape = tensor.shape();
        let rows = shape.matrix_rows();
        let size = tensor.bytes().len() / (shape.rows() / rows);
        (Self::new(&tensor.bytes()[index / rows * size..][..size], shape.row_len()), index % rows)
    }

    /// Weights in a row.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// The scale of a row.
    pub(super) fn scale(&self, row: usize) -> f32 {
        read_f16(&self.scales[row * SCALE_BYTES..])
    }

    /// Calls `found` with each column's value in this row, in steps.
    #[inline(always)]
    pub(super) fn values(&self, row: usize, mut found: impl FnMut(usize, f32)) {
        let (byte, shift) = (row * T::BITS / 8, row * T::BITS % 8);
        let runs = [self.run(byte), self.run(byte + 1), self.run(byte + 2)];
        for column in 0..self.columns {
            let [a, b, c] = runs.map(|run| u32::from(run[column]));
            found(column, T::value((a | b << 8 | c << 16) >> shift));
        }
    }

    /// Byte `index` of every column's string; behind the end it begins again.
    pub(super) fn run(&self, index: usize) -> &'a [u8] {
        let at = index * self.columns % self.codes.len();
        &self.codes[at..at + self.columns]
    }
}

/// Writes the code of row `row` into strings that lie byte by byte in `strings`, one for each lane.
pub(super) fn put<T: Trellis, const LANES: usize>(
    strings: &mut [[u8; LANES]],
    row: usize,
    codes: [u8; LANES],
) {
    let (byte, shift) = (row * T::BITS / 8, row * T::BITS % 8);
    for (lane, code) in codes.into_iter().enumerate() {
        let bits = u16::from(code) << shift;
        strings[byte][lane] |= bits as u8;
        if shift + T::BITS > 8 {
            strings[byte + 1][lane] |= (bits >> 8) as u8;
        }
    }
}
