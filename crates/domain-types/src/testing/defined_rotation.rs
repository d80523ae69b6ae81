//! Rotations straight from their definition ([`RotationSpec`](crate::RotationSpec)): the oracle for fast ones, and a
//! suite for [`OrthogonalTransform`].

use super::gaussian_like;
use crate::OrthogonalTransform;
use alloc::vec::Vec;
use core::f64::consts::TAU;

/// R = (C ⊗ H)·S as an n × n matrix, n = m·2^p.
#[derive(Debug, Clone)]
pub struct DefinedRotation {
    width: usize,
    matrix: Vec<f64>,
}

impl DefinedRotation {
    /// The rotation of vectors of `width` for a seed.
    pub fn new(width: usize, seed: u64) -> Self {
        assert!(width > 0, "a vector has entries");
        let block = 1 << width.trailing_zeros();
        let m = width / block;
        let cas: Vec<f64> =
            (0..m).map(|i| i as f64 / m as f64 * TAU).map(|x| sine(x) + sine(TAU / 4.0 - x)).collect();
        let scale = 1.0 / square_root(width as f64);
        let entry = |i: usize, j: usize| {
            let within = ((i % block) & (j % block)).count_ones();
            let sign = if (within + negative(seed, j)).is_multiple_of(2) { scale } else { -scale };
            sign * cas[(i / block) * (j / block) % m]
        };
        let matrix = (0..width * width).map(|at| entry(at / width, at % width)).collect();
        Self { width, matrix }
    }

    /// x ← M·x for each vector, `entry(i, j)` being that of M.
    fn multiply(&self, rows: &mut [f32], entry: impl Fn(usize, usize) -> f64) {
        assert_eq!(rows.len() % self.width, 0, "{} numbers are no whole rows of {}", rows.len(), self.width);
        for row in rows.chunks_exact_mut(self.width) {
            let x = row.to_vec();
            for (i, y) in row.iter_mut().enumerate() {
                *y = x.iter().enumerate().map(|(j, &x)| entry(i, j) * f64::from(x)).sum::<f64>() as f32;
            }
        }
    }
}

impl OrthogonalTransform for DefinedRotation {
    fn width(&self) -> usize {
        self.width
    }

    fn apply(&self, rows: &mut [f32]) {
        self.multiply(rows, |i, j| self.matrix[i * self.width + j]);
    }

    fn invert(&self, rows: &mut [f32]) {
        self.multiply(rows, |i, j| self.matrix[j * self.width + i]);
    }
}

/// Checks that `transform` is the rotation of its width and `seed`: apply and invert agree with the definition on
/// several rows at once, and undo each other.
pub fn orthogonal_transform_conformance(transform: &dyn OrthogonalTransform, seed: u64) {
    let oracle = DefinedRotation::new(transform.width(), seed);
    let original = gaussian_like(seed, 3 * transform.width());
    let (mut expected, mut actual) = (original.clone(), original.clone());
    oracle.apply(&mut expected);
    transform.apply(&mut actual);
    close(&expected, &actual, "apply");
    transform.invert(&mut actual);
    close(&original, &actual, "apply, then invert");
    oracle.invert(&mut expected);
    close(&original, &expected, "the definition is orthogonal");
    let (mut expected, mut actual) = (original.clone(), original);
    oracle.invert(&mut expected);
    transform.invert(&mut actual);
    close(&expected, &actual, "invert");
    transform.apply(&mut []);
}

fn close(expected: &[f32], actual: &[f32], what: &str) {
    for (at, (e, a)) in expected.iter().zip(actual).enumerate() {
        assert!((e - a).abs() < 2e-5, "{what}, entry {at}: {a}, expected {e}");
    }
}

/// 1 where the sign of entry `index` is negative. SplitMix64 (Steele et al. 2014), one output after the other.
fn negative(seed: u64, index: usize) -> u32 {
    let mut state = seed;
    let mut word = 0;
    for _ in 0..=index / 64 {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word = z ^ (z >> 31);
    }
    (word >> (index % 64) & 1) as u32
}

/// sin x by its series, for |x| ≤ 2π: `core` has no sine.
fn sine(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for k in 1..24 {
        term *= -x * x / f64::from(2 * k * (2 * k + 1));
        sum += term;
    }
    sum
}

/// √x by Newton's method.
fn square_root(x: f64) -> f64 {
    (0..64).fold(x.max(1.0), |root, _| 0.5 * (root + x / root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_keeps_lengths_and_its_own_suite() {
        for width in [1, 2, 3, 8, 12, 36, 96] {
            orthogonal_transform_conformance(&DefinedRotation::new(width, 9), 9);
        }
    }

    #[test]
    fn a_small_rotation_by_hand() {
        // Width 2: signs of seed 1234567 are the low bits of 6457827717110365317 (reference splitmix64.c), 1 and 0.
        let mut x = [3.0, 1.0];
        DefinedRotation::new(2, 1234567).apply(&mut x);
        let half = core::f32::consts::FRAC_1_SQRT_2;
        assert_eq!(x, [-2.0 * half, -4.0 * half]);
    }
}
