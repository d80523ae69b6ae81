//! The odd factor of a width: the discrete Hartley transform, C\[i\]\[j\] = (cos 2πij/m + sin 2πij/m)/√m (Hartley 1942;
//! Bracewell 1983, doi:10.1364/JOSA.73.001832).
//!
//! It exists for every m, is its own inverse as the Hadamard matrix is, and for odd m no entry is zero: every number of
//! the input reaches every number of the output.
#![expect(clippy::inline_always, reason = "only inlined into mix_avx2 are they compiled for AVX2")]

use std::f64::consts::TAU;

/// Largest order: the matrix is 1 MiB, and applying it to a vector of n costs `MAX_ORDER`·n multiply–adds.
pub(super) const MAX_ORDER: usize = 512;

/// C for one order.
#[derive(Debug, Clone)]
pub(super) struct Hartley {
    order: usize,
    matrix: Vec<f32>,
}

impl Hartley {
    /// C of `order`, at most [`MAX_ORDER`].
    pub(super) fn new(order: usize) -> Self {
        // The angle is reduced in integers, so that it is as exact for the last entry as for the first.
        let entry = |at: usize| {
            let angle = TAU * ((at / order) * (at % order) % order) as f64 / order as f64;
            ((angle.cos() + angle.sin()) / (order as f64).sqrt()) as f32
        };
        Self { order, matrix: (0..order * order).map(entry).collect() }
    }

    /// Combines the blocks of a vector: block i becomes Σ_j C\[i\]\[j\]·block j. The length of a block is a power of two.
    /// Every processor gives the same bits.
    pub(super) fn mix(&self, x: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            unsafe { mix_avx2(&self.matrix, self.order, x) };
            return;
        }
        mix(&self.matrix, self.order, x);
    }
}

/// [`mix`] compiled for AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn mix_avx2(matrix: &[f32], order: usize, x: &mut [f32]) {
    mix(matrix, order, x);
}

#[inline(always)]
fn mix(matrix: &[f32], order: usize, x: &mut [f32]) {
    match x.len() / order {
        1 => mix_blocks::<1>(matrix, order, x),
        2 => mix_blocks::<2>(matrix, order, x),
        4 => mix_blocks::<4>(matrix, order, x),
        _ => mix_blocks::<8>(matrix, order, x),
    }
}

/// Where all blocks fit into registers, the compiler is told how many they are: the orders of usual models' widths.
#[inline(always)]
fn mix_blocks<const LANES: usize>(matrix: &[f32], order: usize, x: &mut [f32]) {
    match order {
        3 => mix_lanes::<LANES, 3>(matrix, 3, x),
        5 => mix_lanes::<LANES, 5>(matrix, 5, x),
        7 => mix_lanes::<LANES, 7>(matrix, 7, x),
        9 => mix_lanes::<LANES, 9>(matrix, 9, x),
        _ => mix_lanes::<LANES, MAX_ORDER>(matrix, order, x),
    }
}

/// `LANES` neighbouring entries of all blocks at a time; there is room for `ROOM` blocks.
#[inline(always)]
fn mix_lanes<const LANES: usize, const ROOM: usize>(matrix: &[f32], order: usize, x: &mut [f32]) {
    let block = x.len() / order;
    let mut before = [[0.0; LANES]; ROOM];
    for start in (0..block).step_by(LANES) {
        for (lanes, piece) in before.iter_mut().zip(x.chunks_exact(block)) {
            lanes.copy_from_slice(&piece[start..start + LANES]);
        }
        for (coefficients, piece) in matrix.chunks_exact(order).zip(x.chunks_exact_mut(block)) {
            let mut sum = [0.0; LANES];
            for (c, lanes) in coefficients.iter().zip(&before) {
                sum = std::array::from_fn(|lane| sum[lane] + c * lanes[lane]);
            }
            piece[start..start + LANES].copy_from_slice(&sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain_types::testing::gaussian_like;

    #[test]
    fn every_processor_gives_the_same_bits() {
        for (order, block) in [(3, 512), (9, 64), (15, 4), (37, 2), (101, 1)] {
            let hartley = Hartley::new(order);
            let x = gaussian_like(5, order * block);
            let (mut chosen, mut portable) = (x.clone(), x);
            hartley.mix(&mut chosen);
            mix(&hartley.matrix, order, &mut portable);
            assert_eq!(chosen, portable);
        }
    }

    #[test]
    fn odd_orders_mix_everything() {
        for order in (3..MAX_ORDER).step_by(2) {
            let smallest = Hartley::new(order).matrix.iter().fold(f32::MAX, |m, x| m.min(x.abs()));
            assert!(smallest > 1e-6, "order {order}: {smallest}");
        }
    }
}
