//! Trellis codes as rounding with a Hessian sees them: a scale per row, and every column one string.

use super::layout::put;
use super::lone::LoneEncoder;
use super::quantizer::{FARTHEST, root_mean_square, squares_by_mean};
use super::{SCALE_BYTES, Trellis};
use crate::formats::write_f16;
use crate::rounding::{ColumnRounder, Rounded, ScaledFormat};
use crate::{QuantError, QuantizeOptions};
use domain_types::QuantFormat;
use std::marker::PhantomData;

struct Scaled<T>(PhantomData<T>);

/// The format as rounding with a Hessian sees it.
#[expect(clippy::unnecessary_wraps, reason = "the signature of the table of formats")]
pub(crate) fn scaled<T: Trellis>(_: QuantizeOptions) -> Result<Box<dyn ScaledFormat>, QuantError> {
    Ok(Box::new(Scaled::<T>(PhantomData)))
}

impl<T: Trellis> ScaledFormat for Scaled<T> {
    fn format(&self) -> QuantFormat {
        T::FORMAT
    }

    fn block_len(&self) -> Option<usize> {
        None
    }

    fn scale(&self, row: &[f32], _importance: &[f32]) -> f32 {
        root_mean_square(row) * T::UNIT
    }

    fn rounder(&self) -> Box<dyn ColumnRounder> {
        Box::new(LoneEncoder::<T>::new())
    }

    fn pack(&self, matrix: &Rounded, bytes: &mut [u8]) {
        let (rows, columns) = (matrix.rows(), matrix.columns());
        let (runs, scales) = bytes.split_at_mut(bytes.len() - rows * SCALE_BYTES);
        for (out, scale) in scales.chunks_exact_mut(SCALE_BYTES).zip(matrix.scales(0)) {
            write_f16(out, *scale);
        }
        let mut string = vec![[0]; runs.len() / columns];
        for column in 0..columns {
            string.fill([0]);
            for (row, code) in matrix.codes(column).iter().enumerate() {
                put::<T, 1>(&mut string, row, [*code]);
            }
            for (run, [byte]) in runs.chunks_exact_mut(columns).zip(&string) {
                run[column] = *byte;
            }
        }
    }
}

impl<T: Trellis> ColumnRounder for LoneEncoder<T> {
    fn round(&mut self, targets: &[f32], scales: &[f32], codes: &mut [u8], levels: &mut [f32]) {
        let targets: Vec<f32> = targets.iter().map(|t| t.clamp(-FARTHEST, FARTHEST)).collect();
        self.column(&targets, &squares_by_mean(scales), codes, levels);
    }
}
