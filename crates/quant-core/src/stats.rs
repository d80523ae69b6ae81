//! How far quantized weights are from the originals.
//!
//! - **MSE**: mean of e², e = w − ŵ.
//! - **Cosine**: Σwŵ / √(Σw²·Σŵ²); 1 where both are zero, 0 where one is.
//! - **Spectral distortion**, in dB: rows are Fourier-transformed and their power spectra averaged over the rows, of
//!   error and of weights; the figure is the mean over frequencies of 10·log₁₀(P_e(f)/P_w(f)). (The ratio of *total*
//!   energies would be the plain signal-to-noise ratio by Parseval's theorem. This mean in dB equals it where both
//!   spectra are flat, and counts every frequency alike where they are not.) −200 dB stands for no error.
//! - **Outlier retention**: of the 1% of weights of largest magnitude, the share that is off by at most one step. The
//!   step is the block's own where the format has one (for NormalFloat the widest gap between levels); otherwise it
//!   is the smallest distance between two decoded values among the 16 aligned weights around, which is the step of
//!   every ggml format with scales per 16 weights or more. A coarse grid has coarse steps: read it beside the MSE.

mod fit;
mod outliers;
mod spectrum;
mod sums;

pub use fit::{GridFit, grid_fit};

use crate::QuantError;
use crate::codec::RowCodec;
use crate::parallel::for_each_row;
use crate::registry::{row_codec, unknown};
use domain_types::{QuantTensor, TensorQuality, TensorView};
use spectrum::{RowFft, Spectra};
use std::ops::Range;
use sums::Sums;

/// Parts that the rows are cut into: enough for any number of cores, and sums do not depend on that number.
const PARTS: usize = 64;

/// Room for the rounding of a step to F16: the outermost weight of an absmax grid is off by one step exactly.
const STEP_ROUNDING: f32 = 1.0 + 1.0 / 256.0;

/// A quantized tensor measured against its original, or several of them together.
#[derive(Debug, Clone, Copy)]
pub struct Comparison {
    sums: Sums,
    spectral_distortion_db: f64,
}

impl Comparison {
    /// The figures.
    pub fn quality(&self) -> TensorQuality {
        TensorQuality {
            mse: self.sums.mse(),
            cosine: self.sums.cosine(),
            spectral_distortion_db: self.spectral_distortion_db,
            outlier_retention: self.sums.outlier_retention(),
        }
    }

    /// Weights beyond the range of the format, which came back as its largest number.
    pub fn saturated(&self) -> u64 {
        self.sums.saturated
    }

    /// Weights other than 0 that came back as 0. For a format of few levels that is how it rounds; for floats they were
    /// below its range.
    pub fn vanished(&self) -> u64 {
        self.sums.vanished
    }

    /// Energy of the error over energy of the weights, Σe²/Σw²: what is comparable between tensors.
    pub fn relative_error(&self) -> f64 {
        self.sums.relative_error()
    }

    /// Several tensors as if they were one; `None` for none. Spectral distortion is averaged by weights, outliers
    /// stay those of each tensor.
    pub fn total(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        parts.into_iter().reduce(|a, b| {
            let (n, m) = (a.sums.count as f64, b.sums.count as f64);
            let db = (a.spectral_distortion_db * n + b.spectral_distortion_db * m) / (n + m);
            Self { sums: a.sums.plus(&b.sums), spectral_distortion_db: db }
        })
    }
}

/// Measures `tensor` against the weights it was made from, row after row.
///
/// Errors where the format is not known, the number of weights differs, or a weight on either side is not finite.
pub fn compare(original: &[f32], tensor: &QuantTensor) -> Result<Comparison, QuantError> {
    let view = tensor.view();
    let (expected, actual) = (view.shape().elements(), original.len());
    if expected != actual {
        return Err(QuantError::WeightCount { expected, actual });
    }
    let codec = row_codec(view.format()).ok_or_else(|| unknown(view.format().id()))?;
    let fft = RowFft::new(view.shape().row_len());
    let measure = Measure { original, view, codec, threshold: outliers::threshold(original), fft };
    let rows_each = view.shape().rows().div_ceil(PARTS);
    let mut parts = vec![None; view.shape().rows().div_ceil(rows_each)];
    for_each_row(&mut parts, 1, |index, part| {
        let first = index * rows_each;
        part[0] = Some(measure.rows(first..view.shape().rows().min(first + rows_each)));
    });
    let (mut sums, mut spectra) = (Sums::default(), Spectra::new(measure.fft.bins()));
    for part in parts.into_iter().flatten() {
        let (part_sums, part_spectra) = part?;
        sums = sums.plus(&part_sums);
        spectra.add(&part_spectra);
    }
    Ok(Comparison { sums, spectral_distortion_db: spectra.distortion_db() })
}

struct Measure<'a> {
    original: &'a [f32],
    view: TensorView<'a>,
    codec: &'static dyn RowCodec,
    /// Magnitude from which a weight is an outlier.
    threshold: f32,
    fft: RowFft,
}

impl Measure<'_> {
    fn rows(&self, rows: Range<usize>) -> Result<(Sums, Spectra), QuantError> {
        let n = self.view.shape().row_len();
        let (mut sums, mut spectra) = (Sums::default(), Spectra::new(self.fft.bins()));
        let (mut decoded, mut buffers) = (vec![0.0; n], self.fft.buffers());
        for row in rows {
            let original = &self.original[row * n..(row + 1) * n];
            self.codec.decode_row(&self.view, row, &mut decoded);
            let row_sums = Sums::of_row(original, &decoded, *self.view.format() == domain_types::scalar::F16);
            if !row_sums.is_finite() {
                let healthy = original.iter().all(|w| w.is_finite());
                let which = if healthy { "decoded" } else { "original" };
                return Err(QuantError::NotFinite { which, row });
            }
            sums = sums.plus(&row_sums);
            self.count_outliers(row, original, &decoded, &mut sums);
            self.fft.add_row(original, &decoded, &mut buffers, &mut spectra);
        }
        Ok((sums, spectra))
    }

    fn count_outliers(&self, row: usize, original: &[f32], decoded: &[f32], sums: &mut Sums) {
        self.codec.block_steps(&self.view, row, &mut |block, step| {
            for at in block {
                if original[at].abs() >= self.threshold {
                    let step = step.unwrap_or_else(|| outliers::step_around(decoded, at));
                    sums.outliers += 1;
                    let error = (original[at] - decoded[at]).abs();
                    sums.retained += u64::from(error <= step * STEP_ROUNDING);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests;
