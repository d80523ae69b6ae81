//! LDLQ against a column-at-a-time oracle in F64, and what it must do for every format.

use super::damped::Damped;
use super::ldlq::ldlq;
use super::matrix::transpose;
use super::{Rounding, proxy_loss};
use crate::{Codecs, QuantizeOptions, StepSearch, entries, quantizer};
use domain_types::testing::gaussian_like;
use domain_types::{CodecSet, Hessian, QuantTensor, QuantizeRequest, Shape};

/// Codes by `tests/golden/make_ldlq.py`.
#[rustfmt::skip]
const GOLDEN: [[i8; 96]; 3] = [
    [0, 2, 2, 1, 1, 0, -2, -2, -1, 0, 1, 2, 2, 1, -1, -2, -2, -2, 0, 2, 2, 1, 1, -1, -1, -2, -1, 0, 1, 2, 2, 1, -1, -2, -2, -1, 0, 1, 2, 1, 1, -1, -2, -2, -1, 0, 2, 2, 2, 0, 0, -2, -2, -1, 0, 1, 2, 2, 0, -1, -2, -2, -1, 0, 2, 2, 1, 1, -1, -2, -2, -1, 1, 1, 2, 2, 0, -1, -2, -2, -1, 0, 2, 2, 1, 1, -1, -2, -2, -1, 1, 1, 2, 2, 0, -1],
    [-2, -2, -1, 1, 1, 2, 1, 1, -1, -2, -2, -1, 0, 2, 2, 2, 0, -1, -2, -2, 0, 0, 1, 2, 2, 0, -1, -2, -2, -1, 0, 2, 2, 1, 1, -1, -2, -2, -1, 1, 1, 2, 2, 0, -2, -2, -1, -1, 0, 2, 2, 1, 0, -1, -2, -2, 0, 0, 2, 2, 2, 0, -2, -2, -1, -1, 0, 2, 2, 1, 0, -1, -2, -2, -1, 1, 2, 2, 1, 1, -2, -2, -1, -1, 1, 1, 2, 1, 0, -1, -2, -2, -1, 1, 2, 2],
    [1, 0, -1, -2, -2, 0, 0, 2, 2, 1, 0, -1, -2, -2, -1, 1, 1, 2, 2, 0, -2, -2, -1, -1, 1, 2, 2, 1, 0, -1, -2, -2, 0, 0, 2, 2, 1, 0, -2, -2, -1, -1, 1, 2, 2, 1, 0, -1, -2, -2, 0, 1, 1, 2, 1, 0, -2, -2, -1, -1, 1, 2, 2, 1, 0, -1, -2, -2, 0, 1, 2, 2, 1, -1, -1, -2, -2, -1, 1, 2, 2, 1, 0, -1, -2, -2, 0, 1, 2, 2, 1, 0, -2, -2, -2, 0],
];

const GOLDEN_LOSS: f64 = 0.017765415942;

/// Second moment of a first-order process: inputs i and j correlate by ρ^|i − j|.
fn correlated(width: usize, rho: f32) -> Hessian {
    let entry = |i: usize| rho.powi((i / width).abs_diff(i % width) as i32);
    Hessian::new(width, 1000, (0..width * width).map(entry).collect()).expect("finite")
}

#[test]
fn blocks_give_what_the_formula_gives() {
    let hessian = correlated(96, 0.9);
    let wave = |n: usize| (n as f64 * 0.7 + 0.1 * (n as f64).sin()).sin() as f32;
    let weights: Vec<f32> = (0..3 * 96).map(wave).collect();
    let mut rounded = vec![0.0; weights.len()];
    let damped = Damped::new(&hessian, 0.01).expect("positive");
    ldlq(&damped, &transpose(&weights, 96), |column, targets, decoded| {
        for (row, (target, decoded)) in targets.iter().zip(decoded).enumerate() {
            *decoded = (target / 0.5).round() * 0.5;
            rounded[row * 96 + column] = *decoded;
        }
    });
    let golden: Vec<f32> = GOLDEN.as_flattened().iter().map(|code| f32::from(*code) * 0.5).collect();
    assert_eq!(rounded, golden);
    let loss = proxy_loss(&weights, &rounded, &hessian).expect("same lengths");
    assert!((loss / GOLDEN_LOSS - 1.0).abs() < 1e-6, "{loss}");
}

fn quantize(format: &str, rounding: Rounding, weights: &[f32], hessian: &Hessian) -> QuantTensor {
    let shape = Shape::matrix(weights.len() / hessian.width(), hessian.width()).expect("usable");
    let request =
        QuantizeRequest::new(weights, shape).expect("finite").with_hessian(hessian).expect("as wide");
    let options = QuantizeOptions::default().with_rounding(rounding);
    quantizer(format, &options).expect("known").quantize(&request).expect("sound")
}

fn loss(format: &str, rounding: Rounding, weights: &[f32], hessian: &Hessian) -> f64 {
    let packed = quantize(format, rounding, weights, hessian);
    let mut decoded = vec![0.0; weights.len()];
    let codecs = Codecs::default();
    codecs.require(packed.format()).expect("own").decode(packed.view(), &mut decoded).expect("own");
    proxy_loss(weights, &decoded, hessian).expect("same lengths")
}

fn formats() -> impl Iterator<Item = &'static str> {
    entries().iter().filter(|entry| entry.can_ldlq()).map(|entry| entry.format().id())
}

#[test]
fn feedback_beats_rounding_to_nearest() {
    let (weights, hessian) = (gaussian_like(1, 96 * 320), correlated(320, 0.9));
    for format in formats() {
        let [rtn, ldlq, refined] = [Rounding::Rtn, Rounding::Ldlq, Rounding::LdlqRefine]
            .map(|rounding| loss(format, rounding, &weights, &hessian));
        println!("{format}: rtn {rtn:.5}, ldlq {ldlq:.5}, refined {refined:.5}");
        assert!(ldlq < 0.35 * rtn, "{format}: {ldlq} against {rtn}");
        assert!(refined < ldlq * 1.001, "{format}: {refined} against {ldlq}");
    }
}

/// Without correlation there is nothing to make up for. (Trellis codes cut a lone column differently, scales are
/// fitted to codes after rounding: both change little.)
#[test]
fn uncorrelated_inputs_change_nothing() {
    let (weights, hessian) = (gaussian_like(2, 128 * 288), correlated(288, 0.0));
    for format in formats().filter(|format| !format.starts_with("uq")) {
        let [rtn, ldlq] =
            [Rounding::Rtn, Rounding::Ldlq].map(|rounding| loss(format, rounding, &weights, &hessian));
        assert!((ldlq / rtn - 1.0).abs() < 0.015, "{format}: {ldlq} against {rtn}");
    }
}

#[test]
fn closed_forms_without_correlation_give_the_same_bytes() {
    let (weights, hessian) = (gaussian_like(3, 64 * 288), correlated(288, 0.0));
    let shape = Shape::matrix(64, 288).expect("usable");
    let request =
        QuantizeRequest::new(&weights, shape).expect("finite").with_hessian(&hessian).expect("as wide");
    for format in ["piq2", "piq3", "pit", "uq2", "uq3", "nf2", "nf3", "nf4"] {
        let [rtn, ldlq] = [Rounding::Rtn, Rounding::Ldlq].map(|rounding| {
            let options = QuantizeOptions::default().with_step(StepSearch::Rms).with_rounding(rounding);
            quantizer(format, &options).expect("known").quantize(&request).expect("sound")
        });
        assert_eq!(rtn.bytes(), ldlq.bytes(), "{format}");
    }
}

#[test]
fn inputs_that_never_fired_are_no_trouble() {
    let weights = gaussian_like(4, 64 * 128);
    let mut values = correlated(128, 0.9).values().to_vec();
    for dead in [0, 63, 64, 127] {
        for other in 0..128 {
            values[dead * 128 + other] = 0.0;
            values[other * 128 + dead] = 0.0;
        }
    }
    let partly = Hessian::new(128, 9, values).expect("finite");
    let dead = Hessian::new(128, 9, vec![0.0; 128 * 128]).expect("finite");
    for format in ["piq2", "t2"] {
        let [rtn, ldlq] =
            [Rounding::Rtn, Rounding::Ldlq].map(|rounding| loss(format, rounding, &weights, &partly));
        assert!(ldlq < 0.7 * rtn, "{format}: {ldlq} against {rtn}");
        for rounding in [Rounding::Ldlq, Rounding::LdlqRefine] {
            assert_eq!(loss(format, rounding, &weights, &dead), 0.0);
        }
    }
    let no_damping = QuantizeOptions::default().with_rounding(Rounding::Ldlq).with_damping(0.0);
    let shape = Shape::matrix(64, 128).expect("usable");
    let request =
        QuantizeRequest::new(&weights, shape).expect("finite").with_hessian(&partly).expect("as wide");
    quantizer("piq2", &no_damping).expect("known").quantize(&request).expect("damped anyway");
}

#[test]
fn damaged_hessians_are_refused() {
    let mut values = vec![1e30; 64 * 64];
    values.iter_mut().step_by(65).for_each(|v| *v = 1.0);
    let hessian = Hessian::new(64, 9, values).expect("finite");
    let message = Damped::new(&hessian, 0.01).err().expect("indefinite").to_string();
    assert!(message.contains("calibrate again"), "{message}");
}

#[test]
fn what_is_missing_is_named() {
    let options = QuantizeOptions::default().with_rounding(Rounding::Ldlq);
    let error = |format: &str, options: &QuantizeOptions| {
        let weights = vec![0.0; 64 * 64];
        let request = QuantizeRequest::new(&weights, Shape::matrix(64, 64).unwrap()).unwrap();
        match quantizer(format, options) {
            Err(error) => error.to_string(),
            Ok(quantizer) => quantizer.quantize(&request).expect_err("refused").to_string(),
        }
    };
    assert!(error("t2", &options).contains("calibrate"));
    assert!(error("q6_k", &options).contains("piq2"));
    assert!(error("piq2", &options.with_damping(f32::NAN)).contains("damping"));
}

#[cfg(feature = "parallel")]
#[test]
fn threads_do_not_change_bytes() {
    let (weights, hessian) = (gaussian_like(5, 160 * 416), correlated(416, 0.8));
    for format in ["piq3", "t2_l8"] {
        let bytes = [1, 2, 5].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| quantize(format, Rounding::LdlqRefine, &weights, &hessian)).bytes().to_vec()
        });
        assert!(bytes[0] == bytes[1] && bytes[1] == bytes[2], "{format}");
    }
}

#[test]
fn zero_weights_stay_zero() {
    let (weights, hessian) = (vec![0.0; 64 * 96], correlated(96, 0.9));
    for format in formats() {
        assert_eq!(loss(format, Rounding::LdlqRefine, &weights, &hessian), 0.0, "{format}");
    }
}

#[test]
fn names_round_trip() {
    for rounding in [Rounding::Rtn, Rounding::Ldlq, Rounding::LdlqRefine] {
        assert_eq!(rounding.to_string().parse(), Ok(rounding));
    }
    "gptq".parse::<Rounding>().expect_err("unknown");
}
