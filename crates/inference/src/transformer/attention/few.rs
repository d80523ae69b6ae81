//! Products of a few queries with a block in F32: what a matrix product would spend most of its time packing.

use crate::vectorized::vectorized;

/// Lanes of a running sum.
const LANES: usize = 8;
/// Queries that share a pass over the block.
const QUERIES: usize = 4;

vectorized! {
    /// scores = queries · keysᵀ: queries × k, positions × k, queries × positions.
    pub(super) fn dot_products(queries: &[f32], keys: &[f32], k: usize, scores: &mut [f32]) {
        let positions = keys.len() / k;
        for (position, key) in keys.chunks_exact(k).enumerate() {
            for (query, scores) in queries.chunks_exact(k).zip(scores.chunks_exact_mut(positions)) {
                scores[position] = dot(query, key);
            }
        }
    }
}

vectorized! {
    /// sums += weights · values: queries × positions, positions × k, queries × k.
    pub(super) fn add_weighted(weights: &[f32], values: &[f32], k: usize, sums: &mut [f32]) {
        let positions = values.len() / k;
        let queries = weights.chunks(QUERIES * positions).zip(sums.chunks_mut(QUERIES * k));
        for (weights, sums) in queries {
            match sums.len() / k {
                1 => add_weighted_by::<1>(weights, values, k, sums),
                2 => add_weighted_by::<2>(weights, values, k, sums),
                3 => add_weighted_by::<3>(weights, values, k, sums),
                _ => add_weighted_by::<QUERIES>(weights, values, k, sums),
            }
        }
    }
}

#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    // Halves first: a tree of additions, not a chain.
    let fours: [f32; 4] = std::array::from_fn(|i| sums[i] + sums[i + 4]);
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    (fours[0] + fours[2]) + (fours[1] + fours[3]) + rest
}

/// Two vectors of dimensions at a time stay in registers while all positions pass.
#[inline(always)]
fn add_weighted_by<const N: usize>(weights: &[f32], values: &[f32], k: usize, sums: &mut [f32]) {
    const WIDE: usize = 2 * LANES;
    let positions = values.len() / k;
    let whole = k - k % WIDE;
    for first in (0..whole).step_by(WIDE) {
        let mut wide = [[0.0; WIDE]; N];
        for (position, value) in values.chunks_exact(k).enumerate() {
            let value = value[first..].first_chunk::<WIDE>().expect("whole vectors are left");
            for n in 0..N {
                let weight = weights[n * positions + position];
                for lane in 0..WIDE {
                    wide[n][lane] += weight * value[lane];
                }
            }
        }
        for n in 0..N {
            let sums = &mut sums[n * k + first..][..WIDE];
            sums.iter_mut().zip(wide[n]).for_each(|(sum, x)| *sum += x);
        }
    }
    for (weights, sums) in weights.chunks_exact(positions).zip(sums.chunks_exact_mut(k)) {
        for (weight, value) in weights.iter().zip(values.chunks_exact(k)) {
            sums[whole..].iter_mut().zip(&value[whole..]).for_each(|(sum, x)| *sum += weight * x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain_types::testing::gaussian_like;

    #[test]
    fn products_are_those_of_the_definition() {
        for (queries, positions, k) in [(1, 1, 1), (3, 7, 20), (4, 5, 64), (9, 33, 37)] {
            let (a, b) = (gaussian_like(1, queries * k), gaussian_like(2, positions * k));
            let mut scores = vec![f32::NAN; queries * positions];
            dot_products(&a, &b, k, &mut scores);
            let mut sums = gaussian_like(3, queries * k);
            let before = sums.clone();
            add_weighted(&scores, &b, k, &mut sums);
            for q in 0..queries {
                for p in 0..positions {
                    let exact: f64 = (0..k).map(|i| f64::from(a[q * k + i]) * f64::from(b[p * k + i])).sum();
                    assert!((f64::from(scores[q * positions + p]) - exact).abs() < 1e-4);
                }
                for i in 0..k {
                    let of = |p: usize| f64::from(scores[q * positions + p]) * f64::from(b[p * k + i]);
                    let exact = f64::from(before[q * k + i]) + (0..positions).map(of).sum::<f64>();
                    assert!((f64::from(sums[q * k + i]) - exact).abs() < 1e-3);
                }
            }
        }
    }
}
