use super::*;
use crate::testing::normal;
use crate::{QuantizeOptions, StepSearch, quantizer};
use domain_types::{QuantizeRequest, Shape, scalar};

fn quantized(id: &str, weights: &[f32], row_len: usize) -> QuantTensor {
    let shape = Shape::matrix(weights.len() / row_len, row_len).unwrap();
    let request = QuantizeRequest::new(weights, shape).unwrap();
    quantizer(id, &QuantizeOptions::default()).unwrap().quantize(&request).unwrap()
}

/// F32 "quantized" weights of any values, to measure known errors.
fn dense(weights: &[f32], row_len: usize) -> QuantTensor {
    let bytes: Vec<u8> = weights.iter().flat_map(|w| w.to_le_bytes()).collect();
    QuantTensor::new(scalar::F32, Shape::matrix(weights.len() / row_len, row_len).unwrap(), bytes).unwrap()
}

#[test]
fn no_error_is_no_error() {
    let weights = normal(1000);
    let quality = compare(&weights, &dense(&weights, 100)).unwrap().quality();
    assert_eq!((quality.mse, quality.outlier_retention, quality.spectral_distortion_db), (0.0, 1.0, -200.0));
    assert!((quality.cosine - 1.0).abs() < 1e-12);
}

/// Weights and error without structure along the row: both spectra are flat, and the distortion is the SNR.
#[test]
fn flat_spectra_give_the_signal_to_noise_ratio() {
    let weights = normal(512 * 256);
    let quality = compare(&weights, &quantized("piq3", &weights, 256)).unwrap().quality();
    let energy: f64 = weights.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>() / weights.len() as f64;
    let snr = 10.0 * (quality.mse / energy).log10();
    assert!((quality.spectral_distortion_db - snr).abs() < 0.05, "{quality:?}, {snr}");
    assert!((quality.cosine - (1.0 - quality.mse / energy).sqrt()).abs() < 1e-4, "{quality:?}");
}

/// The same error in white weights and in weights of low frequencies: the signal-to-noise ratio is the same, the
/// distortion is not.
#[test]
fn an_error_where_the_weights_have_nothing_counts() {
    let wave = |f: f32| (0..128).map(move |i| (std::f32::consts::TAU * f * i as f32 / 128.0).cos());
    let low: Vec<f32> = wave(3.0).zip(wave(40.0)).map(|(a, b)| a + 0.001 * b).collect();
    let wrong: Vec<f32> = low.iter().zip(wave(40.0)).map(|(w, b)| w + 0.01 * b).collect();
    let fine: Vec<f32> = low.iter().zip(wave(3.0)).map(|(w, b)| w + 0.01 * b).collect();
    let high = compare(&low, &dense(&wrong, 128)).unwrap().quality();
    let same = compare(&low, &dense(&fine, 128)).unwrap().quality();
    assert!((high.mse - same.mse).abs() < 1e-3 * same.mse);
    assert!(high.spectral_distortion_db > same.spectral_distortion_db);
}

#[test]
fn outliers_are_the_top_hundredth() {
    let mut weights = vec![0.5_f32; 200];
    (weights[7], weights[90]) = (-3.0, 4.0);
    let mut decoded = weights.clone();
    decoded[90] = 1.0; // off by six steps of 0.5
    decoded[91] = 1.5;
    let quality = compare(&weights, &dense(&decoded, 200)).unwrap().quality();
    assert_eq!(quality.outlier_retention, 0.5);
}

/// Absmax keeps every outlier; the step of least error clips some of them. Both figures are wanted.
#[test]
fn a_fitted_step_trades_outliers_for_error() {
    let weights = normal(256 * 256);
    let retention =
        |id| compare(&weights, &quantized(id, &weights, 256)).unwrap().quality().outlier_retention;
    assert!(retention("uq3") > 0.99);
    assert!(retention("piq3") < 0.9);
}

#[test]
fn totals_are_weighted_by_size() {
    let (a, b) = (normal(256), vec![2.0_f32; 768]);
    let parts =
        [(&a, vec![0.0; 256]), (&b, vec![1.0; 768])].map(|(w, d)| compare(w, &dense(&d, 256)).unwrap());
    let total = Comparison::total(parts).unwrap().quality();
    let expected = (parts[0].quality().mse * 256.0 + 768.0) / 1024.0;
    assert!((total.mse - expected).abs() < 1e-12);
    assert!(Comparison::total([]).is_none());
}

#[test]
fn damage_is_an_error_that_names_the_side() {
    let mut weights = vec![1.0_f32; 64];
    let error = compare(&weights[1..], &dense(&weights, 32)).unwrap_err();
    assert_eq!(error, QuantError::WeightCount { expected: 64, actual: 63 });
    let healthy = dense(&weights, 32);
    weights[40] = f32::NAN;
    assert_eq!(compare(&weights, &healthy).unwrap_err(), QuantError::NotFinite { which: "original", row: 1 });
    let damaged = dense(&weights, 32);
    let error = compare(&[1.0; 64], &damaged).unwrap_err();
    assert_eq!(error, QuantError::NotFinite { which: "decoded", row: 1 });
}

#[test]
fn every_row_length_has_a_spectrum() {
    for row_len in [1, 2, 3, 7, 96, 577] {
        let weights = normal(row_len * 5);
        let decoded: Vec<f32> = weights.iter().map(|w| 0.9 * w).collect();
        let quality = compare(&weights, &dense(&decoded, row_len)).unwrap().quality();
        assert!((quality.spectral_distortion_db + 20.0).abs() < 0.01, "{row_len}: {quality:?}");
    }
}

#[test]
fn a_search_says_what_it_gained() {
    let weights = normal(256 * 64);
    let shape = Shape::matrix(64, 256).unwrap();
    let request = QuantizeRequest::new(&weights, shape).unwrap();
    let options = QuantizeOptions::default();
    let fit = grid_fit(&request, &options, &quantized("piq3", &weights, 256)).unwrap().unwrap();
    assert_eq!(fit.levels, 8);
    assert!((20.0..40.0).contains(&fit.improvement_pct), "{fit:?}");
    let unsearched = QuantizeOptions { step: StepSearch::Rms, ..options };
    let closed = quantizer("piq3", &unsearched).unwrap().quantize(&request).unwrap();
    assert_eq!(grid_fit(&request, &unsearched, &closed).unwrap(), None);
    assert_eq!(grid_fit(&request, &options, &quantized("q8_0", &weights, 256)).unwrap(), None);
}
