//! Grids as rounding with a Hessian sees them: a scale per block of a row, the nearest level for each weight.

use super::{Grid, GridEncoder, GridFormat, HEADER, MAX_BLOCK};
use crate::block::BlockFormat;
use crate::formats::write_f16;
use crate::planes::write_codes;
use crate::rounding::{ColumnRounder, Rounded, ScaledFormat};
use domain_types::QuantFormat;

impl<F: GridFormat> ScaledFormat for GridEncoder<F> {
    fn format(&self) -> QuantFormat {
        F::FORMAT
    }

    fn block_len(&self) -> Option<usize> {
        Some(F::BLOCK_LEN)
    }

    fn scale(&self, block: &[f32], importance: &[f32]) -> f32 {
        self.rule.scale(&F::GRID, block, Some(importance))
    }

    fn rounder(&self) -> Box<dyn ColumnRounder> {
        Box::new(F::GRID)
    }

    fn pack(&self, matrix: &Rounded, bytes: &mut [u8]) {
        let mut codes = [0; MAX_BLOCK];
        let row_bytes = bytes.len() / matrix.rows();
        for (row, bytes) in bytes.chunks_exact_mut(row_bytes).enumerate() {
            for (block, bytes) in bytes.chunks_mut(F::FORMAT.block_bytes()).enumerate() {
                let columns = matrix.block_columns(block);
                let codes = &mut codes[..columns.len()];
                codes.iter_mut().zip(columns).for_each(|(code, column)| *code = matrix.codes(column)[row]);
                write_f16(bytes, matrix.scales(block)[row]);
                write_codes(F::BITS, codes, &mut bytes[HEADER..]);
            }
        }
    }
}

impl ColumnRounder for Grid {
    fn round(&mut self, targets: &[f32], _scales: &[f32], codes: &mut [u8], levels: &mut [f32]) {
        self.nearest(targets, 1.0, codes);
        for (level, code) in levels.iter_mut().zip(codes) {
            *level = self.levels[usize::from(*code)];
        }
    }
}
