//! Gate G1 of the design: PiQ3 beats absmax Q3 on at least two of four figures.

use super::contender::{BASELINE, PIQ3};
use super::measure::Row;
use serde::Serialize;

/// How many figures must be better.
const NEEDED: usize = 2;

/// The gate for one way to choose the step.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "one per condition, with the names that JSON shows")]
pub(crate) struct Gate {
    pub(super) quantizer: String,
    /// The error is at most 0.95 times the baseline's.
    pub(super) mse: bool,
    /// Spectral distortion is at least half a decibel lower.
    pub(super) spectral_distortion: bool,
    /// Cosine is at least 0.998.
    pub(super) cosine: bool,
    /// At least 85% of the outliers are within a step.
    pub(super) outliers: bool,
    pub(super) passes: bool,
}

impl Gate {
    /// The gate for each PiQ3 that was measured beside the baseline.
    pub(super) fn evaluate(rows: &[Row]) -> Vec<Self> {
        let find = |name: &str| rows.iter().find(|row| row.quantizer == name);
        let Some(baseline) = find(BASELINE) else { return Vec::new() };
        PIQ3.iter().filter_map(|name| find(name)).map(|row| Self::new(row, baseline)).collect()
    }

    fn new(row: &Row, baseline: &Row) -> Self {
        let mse = row.quality.mse <= 0.95 * baseline.quality.mse;
        let spectral_distortion =
            row.quality.spectral_distortion_db <= baseline.quality.spectral_distortion_db - 0.5;
        let (cosine, outliers) = (row.quality.cosine >= 0.998, row.quality.outlier_retention >= 0.85);
        let met = [mse, spectral_distortion, cosine, outliers].into_iter().filter(|met| *met).count();
        let passes = met >= NEEDED;
        Self { quantizer: row.quantizer.clone(), mse, spectral_distortion, cosine, outliers, passes }
    }
}
