use super::*;
use crate::block::{BlockEncoder, BlockFormat};
use crate::testing::{codec_suites, gaussian_mse, normal, normal_mse};
use crate::{GridConstant, StepSearch};
use proptest::prelude::*;

fn with<F: PiGrid>(step: StepSearch, constant: GridConstant, k: u8) -> GridEncoder<F> {
    let options = QuantizeOptions::default().with_step(step).with_constant(constant).with_k(Some(k));
    encoder(options).expect("valid options")
}

fn fitted<F: PiGrid>() -> GridEncoder<F> {
    encoder(QuantizeOptions::default()).expect("valid options")
}

fn closed<F: PiGrid>() -> GridEncoder<F> {
    with(StepSearch::Rms, GridConstant::Pi, F::DEFAULT_K)
}

#[test]
fn conformance() {
    codec_suites::<PiQ2, _>(&fitted::<PiQ2>(), 0.15);
    codec_suites::<PiQ3, _>(&fitted::<PiQ3>(), 0.04);
    codec_suites::<PiQ2, _>(&closed::<PiQ2>(), 0.17);
    codec_suites::<PiQ3, _>(&closed::<PiQ3>(), 0.06);
}

/// Figures of an independent simulation (numpy, block of 256).
#[test]
fn error_on_normal_weights() {
    gaussian_mse(&fitted::<PiQ2>(), 0.1383, 0.005);
    gaussian_mse(&fitted::<PiQ3>(), 0.0369, 0.005);
    gaussian_mse(&closed::<PiQ2>(), 0.1500, 0.01);
    gaussian_mse(&closed::<PiQ3>(), 0.0531, 0.01);
}

/// π/3 is next to the best step at 2 bits; the seed's other constants are not, and at 3 bits k = 5 beats the default.
#[test]
fn constant_and_k_move_the_closed_form_only() {
    let mse = |constant, k| normal_mse(&with::<PiQ2>(StepSearch::Rms, constant, k), None);
    let pi = mse(GridConstant::Pi, 3);
    for other in [GridConstant::E, GridConstant::Phi, GridConstant::Sqrt2, GridConstant::Ln2] {
        assert!(mse(other, 3) > pi, "{other:?}");
    }
    let at_3_bits = |k| normal_mse(&with::<PiQ3>(StepSearch::Rms, GridConstant::Pi, k), None);
    assert!(at_3_bits(5) < at_3_bits(4));
    let searched = normal_mse(&with::<PiQ2>(StepSearch::Mse, GridConstant::E, 5), None);
    assert_eq!(searched, normal_mse(&fitted::<PiQ2>(), None));
}

#[test]
fn k_is_checked() {
    for k in [0, 1, 6, 255] {
        let options = QuantizeOptions { k: Some(k), ..QuantizeOptions::default() };
        let Err(error) = make::<PiQ3>(options) else { panic!("k = {k} must be refused") };
        assert!(error.to_string().contains("choose 2, 3, 4 or 5"), "{error}");
    }
}

/// Weighted squared error of a block after encoding.
fn error_of<F: GridFormat>(encoder: &GridEncoder<F>, weights: &[f32], importance: Option<&[f32]>) -> f64 {
    let mut bytes = vec![0; F::FORMAT.row_bytes(weights.len()).expect("fits")];
    encoder.encode_block(weights, importance, &mut bytes);
    let mut decoded = vec![0.0; weights.len()];
    F::decode_block(&bytes, &mut decoded);
    let m = |i: usize| importance.map_or(1.0, |m| f64::from(m[i]));
    (0..weights.len()).map(|i| m(i) * f64::from(weights[i] - decoded[i]).powi(2)).sum()
}

/// The least weighted error over 20,000 steps of either sign.
fn exhaustive<F: GridFormat>(weights: &[f32], importance: Option<&[f32]>) -> f64 {
    let largest = weights.iter().fold(0.0_f32, |m, w| m.max(w.abs()));
    let codes = 1_u8 << F::BITS;
    let error_at = |step: f32| -> f64 {
        let error = |(i, w): (usize, &f32)| {
            let nearest =
                (0..codes).map(|c| f64::from(w - F::value(c, step)).powi(2)).fold(f64::MAX, f64::min);
            importance.map_or(1.0, |m| f64::from(m[i])) * nearest
        };
        weights.iter().enumerate().map(error).sum()
    };
    let steps = (1..=10_000).map(|i| 1.2 * largest * i as f32 / 10_000.0);
    steps.flat_map(|s| [error_at(s), error_at(-s)]).fold(f64::MAX, f64::min)
}

#[test]
fn search_finds_the_optimum() {
    let weights = normal(32 * 12);
    let importance: Vec<f32> = normal(32 * 12).iter().rev().map(|x| x * x + 0.01).collect();
    for (weights, importance) in weights.chunks(32).zip(importance.chunks(32)) {
        let best = exhaustive::<PiQ3>(weights, None);
        assert!(error_of(&fitted::<PiQ3>(), weights, None) <= 1.001 * best);
        let best = exhaustive::<PiQ2>(weights, None);
        assert!(error_of(&fitted::<PiQ2>(), weights, None) <= 1.001 * best);
        let weighted = with::<PiQ3>(StepSearch::Imatrix, GridConstant::Pi, 4);
        let best = exhaustive::<PiQ3>(weights, Some(importance));
        assert!(error_of(&weighted, weights, Some(importance)) <= 1.001 * best);
    }
}

#[test]
fn imatrix_without_importance_is_refused() {
    let options = QuantizeOptions { step: StepSearch::Imatrix, ..QuantizeOptions::default() };
    let shape = domain_types::Shape::matrix(1, 32).expect("usable");
    let request = domain_types::QuantizeRequest::new(&[1.0; 32], shape).expect("finite");
    let error = make::<PiQ2>(options).expect("valid").quantize(&request).expect_err("no importance");
    assert!(error.to_string().contains("importance"), "{error}");
}

#[test]
fn unseen_blocks_count_unweighted() {
    let weights = normal(64);
    let encoder = with::<PiQ3>(StepSearch::Imatrix, GridConstant::Pi, 4);
    let (mut blind, mut plain) = (vec![0; 26], vec![0; 26]);
    encoder.encode_block(&weights, Some(&[0.0; 64]), &mut blind);
    fitted::<PiQ3>().encode_block(&weights, None, &mut plain);
    assert_eq!(blind, plain);
}

fn reproduces_itself<F: PiGrid>(step: half::f16, granules: usize, codes: &[u8]) {
    let (step, n) = (step.to_f32(), 32 * granules);
    let weights: Vec<f32> = codes[..n].iter().map(|c| F::value(c & ((1 << F::BITS) - 1), step)).collect();
    let error = error_of(&fitted::<F>(), &weights, None);
    assert_eq!(error, 0.0, "weights on a grid must come back");
}

proptest! {
    /// Quantizing decoded weights reproduces them.
    #[test]
    fn fitted_grids_are_found_again(
        magnitude in 0.001_f32..100.0,
        negative: bool,
        granules in 1_usize..=8,
        codes in prop::collection::vec(any::<u8>(), 256),
    ) {
        let step = half::f16::from_f32(if negative { -magnitude } else { magnitude });
        reproduces_itself::<PiQ2>(step, granules, &codes);
        reproduces_itself::<PiQ3>(step, granules, &codes);
    }

    /// Mirrored weights get the mirrored step: the orientation is a free choice.
    #[test]
    fn orientation_follows_the_weights(seed in 0_usize..1000) {
        let weights = &normal(256 + seed)[seed..];
        let mirrored: Vec<f32> = weights.iter().map(|w| -w).collect();
        let (a, b) = (error_of(&fitted::<PiQ2>(), weights, None), error_of(&fitted::<PiQ2>(), &mirrored, None));
        prop_assert!((a - b).abs() <= 1e-6 * a);
    }
}
