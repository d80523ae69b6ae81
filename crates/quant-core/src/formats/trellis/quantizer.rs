//! Makes tensors of a trellis code.

use super::encode::{Encoder, code_of};
use super::layout::{Packed, put};
use super::viterbi::{LANES, Lanes, Target};
use super::{SCALE_BYTES, Trellis};
use crate::formats::{read_f16, write_f16};
use crate::parallel::for_each_row;
use crate::{QuantError, QuantizeOptions, StepSearch};
use domain_types::{PortError, QuantFormat, QuantTensor, QuantizeRequest, Quantizer};

/// Targets beyond this many steps say no more than "the largest value there is", and would cost the others precision.
pub(super) const FARTHEST: f32 = 128.0;

/// Quantizes to a trellis code.
///
/// The importance of a column weighs all errors along its string alike, so it cannot change the codes; it counts where
/// the scales of rows are fitted.
struct TrellisQuantizer {
    step: StepSearch,
    code: Code,
}

/// Targets of a row.
type TargetOf<'a> = &'a dyn Fn(usize) -> Target;

/// What a code does; all around it is compiled once for all codes.
struct Code {
    format: QuantFormat,
    /// The scale of weights of a root mean square of 1.
    unit: f32,
    /// Codes [`LANES`] columns of so many rows, for the targets of each, into strings of zeros.
    encode: fn(usize, TargetOf<'_>, &mut [Lanes<u8>]),
    /// The values of a row, in steps, of a matrix of so many columns.
    values: fn(&[u8], usize, usize, &mut [f32]),
}

/// The quantizer. Values are fixed, so constant and k have no meaning here.
#[expect(clippy::unnecessary_wraps, reason = "the signature of the table of formats")]
pub(crate) fn make<T: Trellis>(options: QuantizeOptions) -> Result<Box<dyn Quantizer>, QuantError> {
    let code = Code { format: T::FORMAT, unit: T::UNIT, encode: encode::<T>, values: values::<T> };
    Ok(Box::new(TrellisQuantizer { step: options.step, code }))
}

fn encode<T: Trellis>(rows: usize, target: TargetOf<'_>, strings: &mut [Lanes<u8>]) {
    Encoder::<T>::new().columns(rows, target, |row, windows| {
        put::<T, LANES>(strings, row, windows.map(code_of::<T>));
    });
}

fn values<T: Trellis>(bytes: &[u8], columns: usize, row: usize, values: &mut [f32]) {
    Packed::<T>::new(bytes, columns).values(row, |column, value| values[column] = value);
}

impl Quantizer for TrellisQuantizer {
    fn format(&self) -> QuantFormat {
        self.code.format
    }

    fn quantize(&self, request: &QuantizeRequest<'_>) -> Result<QuantTensor, PortError> {
        let (shape, format) = (request.shape(), self.code.format);
        let importance = match (self.step, request.importance()) {
            (StepSearch::Imatrix, None) => return Err(QuantError::needs_importance(format).into()),
            (StepSearch::Imatrix, given) => given,
            _ => None,
        };
        let mut bytes = vec![0; format.byte_len(&shape)?];
        let weights = shape.matrix_rows() * shape.row_len();
        let size = bytes.len() / (shape.elements() / weights);
        for (weights, bytes) in request.weights().chunks_exact(weights).zip(bytes.chunks_exact_mut(size)) {
            let matrix = Matrix { weights, columns: shape.row_len(), importance, code: &self.code };
            matrix.quantize(self.step, bytes);
        }
        Ok(QuantTensor::new(format, shape, bytes)?)
    }
}

/// One matrix of a request.
struct Matrix<'a> {
    weights: &'a [f32],
    columns: usize,
    importance: Option<&'a [f32]>,
    code: &'a Code,
}

impl Matrix<'_> {
    /// Closed form: each row's root mean square is its scale. Searched: codes for that scale, then the best scale for
    /// these codes.
    fn quantize(&self, step: StepSearch, bytes: &mut [u8]) {
        let rows = self.weights.len() / self.columns;
        let (codes, scales) = bytes.split_at_mut(bytes.len() - rows * SCALE_BYTES);
        for (row, out) in self.weights.chunks_exact(self.columns).zip(scales.chunks_exact_mut(SCALE_BYTES)) {
            write_f16(out, root_mean_square(row) * self.code.unit);
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
            (self.code.encode)(scales.len(), &target, strings);
        });
        for_each_row(codes, self.columns, |byte, run| {
            for (strip, out) in run.chunks_exact_mut(LANES).enumerate() {
                out.copy_from_slice(&strings[strip * string + byte]);
            }
        });
    }

    /// The scales of least squared error for the codes.
    fn fit(&self, bytes: &[u8]) -> Vec<u8> {
        let mut scales = vec![[0; SCALE_BYTES]; self.weights.len() / self.columns];
        let old = &bytes[bytes.len() - scales.len() * SCALE_BYTES..];
        for_each_row(&mut scales, 1, |row, out| {
            let weights = &self.weights[row * self.columns..][..self.columns];
            let mut values = vec![0.0; self.columns];
            (self.code.values)(bytes, self.columns, row, &mut values);
            let (mut product, mut square) = (0.0_f64, 0.0_f64);
            for (column, (weight, value)) in weights.iter().zip(&values).enumerate() {
                let importance = self.importance.map_or(1.0, |all| f64::from(all[column]));
                product += importance * f64::from(*weight) * f64::from(*value);
                square += importance * f64::from(*value) * f64::from(*value);
            }
            let old = || read_f16(&old[row * SCALE_BYTES..]);
            let best = if square > 0.0 { (product / square) as f32 } else { old() };
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
