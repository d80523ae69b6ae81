//! Makes tensors of a trellis code.

use super::encode::{Encoder, code_of};
use super::layout::{Packed, put};
use super::viterbi::{LANES, Target};
use super::{SCALE_BYTES, Trellis};
use crate::formats::{read_f16, write_f16};
use crate::parallel::for_each_row;
use crate::{QuantError, QuantizeOptions, StepSearch};
use domain_types::{PortError, QuantFormat, QuantTensor, QuantizeRequest, Quantizer};
use std::marker::PhantomData;

/// Targets beyond this many steps say no more than "the largest value there is", and would cost the others precision.
pub(super) const FARTHEST: f32 = 128.0;

/// Quantizes to trellis code `T`.
///
/// The importance of a column weighs all errors along its string alike, so it cannot change the codes; it counts where
/// the scales of rows are fitted.
struct TrellisQuantizer<T> {
    step: StepSearch,
    code: PhantomData<T>,
}

/// The quantizer. Values are fixed, so constant and k have no meaning here.
#[expect(clippy::unnecessary_wraps, reason = "the signature of the table of formats")]
pub(crate) fn make<T: Trellis>(options: QuantizeOptions) -> Result<Box<dyn Quantizer>, QuantError> {
    Ok(Box::new(TrellisQuantizer::<T> { step: options.step, code: PhantomData }))
}

impl<T: Trellis> Quantizer for TrellisQuantizer<T> {
    fn format(&self) -> QuantFormat {
        T::FORMAT
    }

    fn quantize(&self, request: &QuantizeRequest<'_>) -> Result<QuantTensor, PortError> {
        let shape = request.shape();
        let importance = match (self.step, request.importance()) {
            (StepSearch::Imatrix, None) => return Err(needs_importance::<T>().into()),
            (StepSearch::Imatrix, given) => given,
            _ => None,
        };
        let mut bytes = vec![0; T::FORMAT.byte_len(&shape)?];
        let weights = shape.matrix_rows() * shape.row_len();
        let size = bytes.len() / (shape.elements() / weights);
        for (weights, bytes) in request.weights().chunks_exact(weights).zip(bytes.chunks_exact_mut(size)) {
            let matrix = Matrix::<T> { weights, columns: shape.row_len(), importance, code: PhantomData };
            matrix.quantize(self.step, bytes);
        }
        Ok(QuantTensor::new(T::FORMAT, shape, bytes)?)
    }
}

fn needs_importance<T: Trellis>() -> QuantError {
    QuantError::BadOption {
        format: T::ID.into(),
        reason: "step search imatrix needs an importance per column; give one, or choose mse".into(),
    }
}

/// One matrix of a request.
struct Matrix<'a, T> {
    weights: &'a [f32],
    columns: usize,
    importance: Option<&'a [f32]>,
    code: PhantomData<T>,
}

impl<T: Trellis> Matrix<'_, T> {
    /// Closed form: each row's root mean square is its scale. Searched: codes for that scale, then the best scale for
    /// these codes.
    fn quantize(&self, step: StepSearch, bytes: &mut [u8]) {
        let rows = self.weights.len() / self.columns;
        let (codes, scales) = bytes.split_at_mut(bytes.len() - rows * SCALE_BYTES);
        for (row, out) in self.weights.chunks_exact(self.columns).zip(scales.chunks_exact_mut(SCALE_BYTES)) {
            write_f16(out, root_mean_square(row) * T::UNIT);
        }
        self.encode(scales, codes);
        if step != StepSearch::Rms {
            let fitted = self.fit(bytes);
            let start = bytes.len() - fitted.len();
            bytes[start..].copy_from_slice(&fitted);
        }
    }

    /// Codes all columns, [`LANES`] at a time, for given scales.
    fn encode(&self, scales: &[u8], codes: &mut [u8]) {
        let scales: Vec<f32> = scales.chunks_exact(SCALE_BYTES).map(read_f16).collect();
        let importance = squares_by_mean(&scales);
        let string = codes.len() / self.columns;
        let mut strings = vec![[0_u8; LANES]; codes.len() / LANES];
        for_each_row(&mut strings, string, |strip, strings| {
            let target = |row: usize| {
                let weights = &self.weights[row * self.columns + strip * LANES..][..LANES];
                let inverse = if scales[row] > 0.0 { scales[row].recip() } else { 0.0 };
                let steps = |lane: usize| (weights[lane] * inverse).clamp(-FARTHEST, FARTHEST);
                Target::new(std::array::from_fn(steps), [importance[row]; LANES])
            };
            Encoder::<T>::new().columns(scales.len(), target, |row, windows| {
                put::<T, LANES>(strings, row, windows.map(code_of::<T>));
            });
        });
        for_each_row(codes, self.columns, |byte, run| {
            for (strip, out) in run.chunks_exact_mut(LANES).enumerate() {
                out.copy_from_slice(&strings[strip * string + byte]);
            }
        });
    }

    /// The scales of least squared error for the codes.
    fn fit(&self, bytes: &[u8]) -> Vec<u8> {
        let packed = Packed::<T>::new(bytes, self.columns);
        let mut scales = vec![[0; SCALE_BYTES]; self.weights.len() / self.columns];
        for_each_row(&mut scales, 1, |row, out| {
            let weights = &self.weights[row * self.columns..][..self.columns];
            let (mut product, mut square) = (0.0_f64, 0.0_f64);
            packed.values(row, |column, value| {
                let importance = self.importance.map_or(1.0, |all| f64::from(all[column]));
                product += importance * f64::from(weights[column]) * f64::from(value);
                square += importance * f64::from(value) * f64::from(value);
            });
            let best = if square > 0.0 { (product / square) as f32 } else { packed.scale(row) };
            write_f16(&mut out[0], best);
        });
        scales.concat()
    }
}

/// What an error of one step means in each row, for squared errors of weights to be least.
pub(super) fn squares_by_mean(scales: &[f32]) -> Vec<f32> {
    let squares = || scales.iter().map(|s| f64::from(*s).powi(2));
    let mean = squares().sum::<f64>() / scales.len() as f64;
    squares().map(|square| if mean > 0.0 { (square / mean) as f32 } else { 0.0 }).collect()
}

pub(super) fn root_mean_square(row: &[f32]) -> f32 {
    let energy: f64 = row.iter().map(|w| f64::from(*w).powi(2)).sum();
    (energy / row.len() as f64).sqrt() as f32
}
