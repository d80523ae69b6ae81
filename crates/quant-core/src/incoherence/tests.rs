use super::{Rotation, mu, restore_columns, restore_rows, rotate_columns, rotate_rows, scale_columns};
use domain_types::OrthogonalTransform;
use domain_types::testing::{gaussian_like, orthogonal_transform_conformance};
use proptest::prelude::*;

const GOLDEN: [f32; 12] = [
    -3.4641016, 6.9282032, 4.0414519, 1.7320508, 6.0980762, -0.6339746, -4.5207259, -2.6339746, -0.9019238,
    2.3660254, 0.4792741, 4.3660254,
];

fn norm(x: &[f32]) -> f64 {
    x.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn rotations_are_as_defined() {
    for width in [1, 2, 3, 9, 12, 20, 32, 36, 64, 96, 511, 512, 576, 896, 960, 1536] {
        let seed = width as u64 * 77;
        orthogonal_transform_conformance(&Rotation::new(width, seed).unwrap(), seed);
    }
}

#[test]
fn a_rotation_never_changes() {
    // Files depend on these numbers (tests/golden/make_rotation.py).
    let mut x: Vec<f32> = (0..12).map(|i| i as f32 - 4.0).collect();
    Rotation::new(12, 42).unwrap().apply(&mut x);
    for (at, (actual, expected)) in x.iter().zip(GOLDEN).enumerate() {
        assert!((actual - expected).abs() < 1e-5, "entry {at}: {actual}, expected {expected}");
    }
}

#[test]
fn widths_without_a_small_odd_factor_are_refused() {
    for (width, factor) in [(0, "0"), (513, "513"), (2 * 1021, "1021"), (3 << 20 | 1, "3145729")] {
        let error = Rotation::new(width, 0).unwrap_err().to_string();
        assert!(error.contains(factor) && error.contains("512"), "{error}");
    }
}

#[test]
#[should_panic(expected = "no whole vectors")]
fn lengths_are_checked() {
    Rotation::new(12, 0).unwrap().apply(&mut [0.0; 13]);
}

#[test]
fn an_outlier_is_spread() {
    for width in [576, 1536, 4864] {
        let mut x = vec![0.0; width];
        x[width / 3] = 1.0;
        Rotation::new(width, 5).unwrap().apply(&mut x);
        // A Hadamard matrix would give 1; the Hartley factor lets an entry be √2 above the mean.
        assert!(mu(&x) < 1.42, "{width}: {}", mu(&x));
    }
}

#[test]
fn mu_is_of_the_largest_entry() {
    assert_eq!(mu(&[1.0, -1.0, 1.0, -1.0]), 1.0);
    assert_eq!(mu(&[0.0, -3.0, 0.0, 0.0]), 2.0);
    assert_eq!(mu(&[0.0; 4]), 0.0);
}

/// y = W·x in F64.
fn product(weights: &[f32], x: &[f32]) -> Vec<f32> {
    let dot = |row: &[f32]| row.iter().zip(x).map(|(w, x)| f64::from(w * x)).sum::<f64>() as f32;
    weights.chunks_exact(x.len()).map(dot).collect()
}

#[test]
fn a_layer_between_rotated_vectors_computes_the_same() {
    let (outputs, inputs) = (36, 96);
    let (input, output) = (Rotation::new(24, 1).unwrap(), Rotation::new(12, 2).unwrap());
    let (mut weights, gains) = (gaussian_like(3, outputs * inputs), gaussian_like(4, inputs));
    let mut x = gaussian_like(5, inputs);
    let scaled: Vec<f32> = x.iter().zip(&gains).map(|(x, g)| x * g).collect();
    let mut expected = product(&weights, &scaled);
    output.apply(&mut expected);

    scale_columns(&mut weights, &gains);
    rotate_rows(&mut weights, &input);
    rotate_columns(&mut weights, inputs, &output);
    input.apply(&mut x);
    for (at, (e, a)) in expected.iter().zip(product(&weights, &x)).enumerate() {
        assert!((e - a).abs() < 1e-3, "output {at}: {a}, expected {e}");
    }
}

proptest! {
    #[test]
    fn rotations_have_an_inverse_and_keep_inner_products(
        seed: u64,
        width in prop::sample::select(vec![32, 36, 100, 576, 896, 960, 1536, 3072]),
    ) {
        let rotation = Rotation::new(width, seed).unwrap();
        let (a, b) = (gaussian_like(seed, width), gaussian_like(!seed, width));
        let (mut ra, mut rb) = (a.clone(), b.clone());
        rotation.apply(&mut ra);
        rotation.apply(&mut rb);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        prop_assert!((norm(&ra) / norm(&a) - 1.0).abs() < 1e-5);
        prop_assert!((dot(&a, &b) - dot(&ra, &rb)).abs() < 1e-5 * norm(&a) * norm(&b));
        rotation.invert(&mut ra);
        for (a, r) in a.iter().zip(&ra) {
            prop_assert!((a - r).abs() < 1e-5, "{a} {r}");
        }
    }
}

#[test]
fn matrices_are_restored() {
    let original = gaussian_like(9, 24 * 36);
    let (rows, columns) = (Rotation::new(12, 3).unwrap(), Rotation::new(8, 4).unwrap());
    let mut weights = original.clone();
    rotate_rows(&mut weights, &rows);
    rotate_columns(&mut weights, 36, &columns);
    assert!(norm(&weights.iter().zip(&original).map(|(a, b)| a - b).collect::<Vec<_>>()) > 1.0);
    restore_columns(&mut weights, 36, &columns);
    restore_rows(&mut weights, &rows);
    assert!(weights.iter().zip(&original).all(|(a, b)| (a - b).abs() < 1e-5));
}
