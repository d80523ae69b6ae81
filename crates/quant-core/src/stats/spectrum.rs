//! Power spectra of rows.

use rustfft::Fft;
use rustfft::num_complex::Complex;
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
    plan: Arc<dyn Fft<f32>>,
}

/// Memory for a transform.
pub(super) struct Buffers {
    values: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl RowFft {
    pub(super) fn new(row_len: usize) -> Self {
        Self { plan: plan(row_len) }
    }

    /// Frequencies of a row of real numbers: the others mirror them.
    pub(super) fn bins(&self) -> usize {
        self.plan.len() / 2 + 1
    }

    pub(super) fn buffers(&self) -> Buffers {
        let zeros = |len| vec![Complex::default(); len];
        Buffers { values: zeros(self.plan.len()), scratch: zeros(self.plan.get_inplace_scratch_len()) }
    }

    /// Adds the powers of a row and of its error: both in one transform, weights as real parts and errors as imaginary
    /// ones. The sum of a frequency and its mirror image is of the weights, the difference is of the errors.
    pub(super) fn add_row(&self, original: &[f32], decoded: &[f32], buffers: &mut Buffers, to: &mut Spectra) {
        let Buffers { values, scratch } = buffers;
        for (value, (w, d)) in values.iter_mut().zip(original.iter().zip(decoded)) {
            *value = Complex::new(*w, w - d);
        }
        // No error is none exactly, and not what rounding in the transform makes of it.
        let is_exact = values.iter().all(|value| value.im == 0.0);
        self.plan.process_with_scratch(values, scratch);
        let mirrored = values[..1].iter().chain(values[1..].iter().rev());
        let powers = to.weights.iter_mut().zip(&mut to.error);
        for ((weights, error), (x, mirror)) in powers.zip(values.iter().zip(mirrored)) {
            let mirror = mirror.conj();
            *weights += f64::from((x + mirror).norm_sqr()) / 4.0;
            if !is_exact {
                *error += f64::from((x - mirror).norm_sqr()) / 4.0;
            }
        }
    }
}

#[cfg(not(target_family = "wasm"))]
fn plan(len: usize) -> Arc<dyn Fft<f32>> {
    rustfft::FftPlanner::new().plan_fft_forward(len)
}

/// Chosen by hand: the library's planner would bring an algorithm for every length into the module (ADR 0026).
#[cfg(any(target_family = "wasm", test))]
fn small_plan(len: usize) -> Arc<dyn Fft<f32>> {
    use rustfft::FftDirection::Forward;
    use rustfft::algorithm::{BluesteinsAlgorithm, Dft, MixedRadix, Radix4};

    /// Odd factors up to which a transform by definition is faster than a detour by powers of two.
    const SMALL: usize = 32;
    let power_of_two = |len| Arc::new(Radix4::new(len, Forward));
    let (twos, odd) = (1 << len.trailing_zeros(), len >> len.trailing_zeros());
    match odd {
        1 => power_of_two(len),
        2..=SMALL => Arc::new(MixedRadix::new(power_of_two(twos), Arc::new(Dft::new(odd, Forward)))),
        _ => Arc::new(BluesteinsAlgorithm::new(len, power_of_two((2 * len - 1).next_power_of_two()))),
    }
}

#[cfg(target_family = "wasm")]
use small_plan as plan;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::normal;

    #[test]
    fn plans_agree() {
        for len in [1, 2, 3, 64, 65, 67, 96, 127, 576, 577, 1536] {
            let row: Vec<Complex<f32>> = normal(len).into_iter().map(Complex::from).collect();
            let [mut small, mut chosen] = [row.clone(), row];
            small_plan(len).process(&mut small);
            plan(len).process(&mut chosen);
            let total: f32 = chosen.iter().map(Complex::norm_sqr).sum();
            for (a, b) in small.iter().zip(&chosen) {
                assert!((a - b).norm_sqr() < 1e-10 * total, "length {len}: {a}, {b}");
            }
        }
    }

    #[test]
    fn weights_and_error_share_a_transform() {
        for len in [1, 2, 3, 96, 577] {
            let (row, decoded) = (normal(len), normal(2 * len)[len..].to_vec());
            let error: Vec<f32> = row.iter().zip(&decoded).map(|(w, d)| w - d).collect();
            let fft = RowFft::new(len);
            let mut spectra = Spectra::new(fft.bins());
            fft.add_row(&row, &decoded, &mut fft.buffers(), &mut spectra);
            for (powers, row) in [(&spectra.weights, row), (&spectra.error, error)] {
                let mut alone: Vec<Complex<f32>> = row.into_iter().map(Complex::from).collect();
                plan(len).process(&mut alone);
                let total: f64 = powers.iter().sum();
                for (power, x) in powers.iter().zip(&alone) {
                    let difference = (power - f64::from(x.norm_sqr())).abs();
                    assert!(difference < 1e-5 * total, "length {len}: {power}, {}", x.norm_sqr());
                }
            }
        }
    }
}
