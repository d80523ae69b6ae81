//! What rounding with a Hessian asks of a format.

use super::Rounded;
use domain_types::QuantFormat;

/// A format whose weights are a scale, shared by a block of a row, times a level.
pub(crate) trait ScaledFormat: Send + Sync {
    /// The format's descriptor.
    fn format(&self) -> QuantFormat;

    /// Columns that share a scale in each row; `None` where a row has one.
    fn block_len(&self) -> Option<usize>;

    /// A scale for a block of weights before anything is known of its codes. `importance` weighs each squared error.
    fn scale(&self, block: &[f32], importance: &[f32]) -> f32;

    /// Rounds the columns of one matrix.
    fn rounder(&self) -> Box<dyn ColumnRounder>;

    /// Writes a matrix: `bytes` is as long as the format's bytes of it.
    fn pack(&self, matrix: &Rounded, bytes: &mut [u8]);
}

/// Rounds whole columns.
pub(crate) trait ColumnRounder {
    /// Codes and levels of the rows of a column. Targets are in steps (weights by scales), and an error of a step counts
    /// as its row's scale squared.
    fn round(&mut self, targets: &[f32], scales: &[f32], codes: &mut [u8], levels: &mut [f32]);
}
