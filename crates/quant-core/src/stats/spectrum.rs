//! Power spectra of rows.

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// The least ratio that is told apart from no error.
const FLOOR_DB: f64 = -200.0;

/// Power spectra of weights and error, summed over rows.
#[derive(Clone)]
pub(super) struct Spectra {
    weights: Vec<f64>,
    error: Vec<f64>,
}

impl Spectra {
    pub(super) fn new(bins: usize) -> Self {
        Self { weights: vec![0.0; bins], error: vec![0.0; bins] }
    }

    pub(super) fn add(&mut self, other: &Self) {
        let pairs = self.weights.iter_mut().zip(&other.weights);
        for (sum, part) in pairs.chain(self.error.iter_mut().zip(&other.error)) {
            *sum += part;
        }
    }

    /// The mean over frequencies of the ratio of powers, in dB. Frequencies that the weights do not have are left
    /// out.
    pub(super) fn distortion_db(&self) -> f64 {
        let bins = self.weights.iter().zip(&self.error).filter(|(w, _)| **w > 0.0);
        let (mut total, mut count) = (0.0, 0_u32);
        for (w, e) in bins {
            total += (10.0 * (e / w).log10()).max(FLOOR_DB);
            count += 1;
        }
        if count == 0 { FLOOR_DB } else { total / f64::from(count) }
    }
}

/// The Fourier transform of rows of one length.
pub(super) struct RowFft {
    plan: Arc<dyn RealToComplex<f32>>,
}

/// Memory for a transform.
pub(super) struct Buffers {
    row: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl RowFft {
    pub(super) fn new(row_len: usize) -> Self {
        Self { plan: RealFftPlanner::new().plan_fft_forward(row_len) }
    }

    pub(super) fn bins(&self) -> usize {
        self.plan.complex_len()
    }

    pub(super) fn buffers(&self) -> Buffers {
        Buffers {
            row: self.plan.make_input_vec(),
            spectrum: self.plan.make_output_vec(),
            scratch: self.plan.make_scratch_vec(),
        }
    }

    /// Adds the powers of a row and of its error.
    pub(super) fn add_row(&self, original: &[f32], decoded: &[f32], buffers: &mut Buffers, to: &mut Spectra) {
        buffers.row.copy_from_slice(original);
        self.add_power(buffers, &mut to.weights);
        for (e, (w, d)) in buffers.row.iter_mut().zip(original.iter().zip(decoded)) {
            *e = w - d;
        }
        self.add_power(buffers, &mut to.error);
    }

    fn add_power(&self, buffers: &mut Buffers, power: &mut [f64]) {
        let Buffers { row, spectrum, scratch } = buffers;
        self.plan.process_with_scratch(row, spectrum, scratch).expect("buffers were made by this plan");
        for (power, x) in power.iter_mut().zip(spectrum) {
            *power += f64::from(x.re).powi(2) + f64::from(x.im).powi(2);
        }
    }
}
