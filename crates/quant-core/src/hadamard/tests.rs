use super::{butterfly, transform};
use domain_types::testing::gaussian_like;
use proptest::prelude::*;

/// The definition, in F64: y\[i\] = Σ_j (−1)^popcount(i AND j)·x\[j\] / √n.
fn by_definition(x: &[f32]) -> Vec<f64> {
    let sign = |i: usize, j: usize| if (i & j).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
    let row = |i| x.iter().enumerate().map(|(j, &x)| sign(i, j) * f64::from(x)).sum::<f64>();
    (0..x.len()).map(|i| row(i) / (x.len() as f64).sqrt()).collect()
}

fn norm(x: &[f32]) -> f64 {
    x.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn every_size_is_as_defined() {
    for log in 0..=13 {
        let x = gaussian_like(log, 1 << log);
        let mut fast = x.clone();
        transform(&mut fast, x.len());
        for (i, (fast, slow)) in fast.iter().zip(by_definition(&x)).enumerate() {
            assert!((f64::from(*fast) - slow).abs() < 1e-5, "size {}, entry {i}: {fast}, {slow}", x.len());
        }
    }
}

#[test]
fn blocks_are_transformed_apart() {
    let x = gaussian_like(1, 96);
    let mut together = x.clone();
    transform(&mut together, 32);
    for (whole, piece) in together.chunks(32).zip(x.chunks(32)) {
        let mut alone = piece.to_vec();
        transform(&mut alone, 32);
        assert_eq!(whole, alone);
    }
}

#[test]
fn every_processor_gives_the_same_bits() {
    let x = gaussian_like(2, 4096);
    for block in (0..=12).map(|log| 1 << log) {
        let (mut chosen, mut portable) = (x.clone(), x.clone());
        transform(&mut chosen, block);
        butterfly::transform(&mut portable, block);
        assert_eq!(chosen, portable);
    }
}

#[test]
#[should_panic(expected = "no whole blocks")]
fn lengths_are_checked() {
    transform(&mut [0.0; 24], 16);
}

proptest! {
    #[test]
    fn the_transform_undoes_itself(seed: u64, log in 0..12_u32, blocks in 1..4_usize) {
        let x = gaussian_like(seed, blocks << log);
        let mut y = x.clone();
        transform(&mut y, 1 << log);
        prop_assert!((norm(&y) / norm(&x) - 1.0).abs() < 1e-5, "norm {} from {}", norm(&y), norm(&x));
        transform(&mut y, 1 << log);
        for (x, y) in x.iter().zip(&y) {
            prop_assert!((x - y).abs() < 1e-5, "{x} {y}");
        }
    }
}
