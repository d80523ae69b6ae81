//! Products of queries with a block in F32, in loops that give the same bits on every processor: a library's matrix product
//! rounds as the processor's instructions do, and the model would draw other tokens elsewhere.

use super::halves::widen;
use crate::vectorized::vectorized;
use half::f16;

/// Lanes of a running sum.
const LANES: usize = 8;
/// Queries that share a pass over the block.
const QUERIES: usize = 6;

/// Columns become rows: positions × k to k × positions.
pub(super) fn transpose(rows: &[f32], k: usize, columns: &mut [f32]) {
    let positions = rows.len() / k;
    for (position, row) in rows.chunks_exact(k).enumerate() {
        scatter(row, &mut columns[position..], positions);
    }
}

/// The same from half precision.
pub(super) fn transpose_halves(rows: &[f16], k: usize, columns: &mut [f32]) {
    const PIECE: usize = 64;
    let (positions, mut piece) = (rows.len() / k, [0.0; PIECE]);
    for (position, row) in rows.chunks_exact(k).enumerate() {
        for (index, halves) in row.chunks(PIECE).enumerate() {
            let singles = &mut piece[..halves.len()];
            widen(halves, singles);
            scatter(singles, &mut columns[index * PIECE * positions + position..], positions);
        }
    }
}

fn scatter(from: &[f32], to: &mut [f32], stride: usize) {
    to.iter_mut().step_by(stride).zip(from).for_each(|(to, x)| *to = *x);
}

vectorized! {
    /// scores = queries · keysᵀ: queries × k, positions × k, queries × positions. For a few queries: many are worth
    /// transposing the keys, to [`add_weighted`].
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
                4 => add_weighted_by::<4>(weights, values, k, sums),
                5 => add_weighted_by::<5>(weights, values, k, sums),
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
    use half::slice::HalfFloatSliceExt;

    #[test]
    fn products_are_those_of_the_definition() {
        for (queries, positions, k) in [(1, 1, 1), (3, 7, 20), (4, 5, 64), (9, 33, 37)] {
            let (a, b) = (gaussian_like(1, queries * k), gaussian_like(2, positions * k));
            let mut scores = vec![f32::NAN; queries * positions];
            dot_products(&a, &b, k, &mut scores);
            let (mut columns, mut of_columns) = (vec![f32::NAN; b.len()], vec![0.0; scores.len()]);
            let (mut halves, mut rounded) = (vec![f16::ZERO; b.len()], b.clone());
            halves.convert_from_f32_slice(&b);
            halves.convert_to_f32_slice(&mut rounded);
            transpose(&rounded, k, &mut columns);
            let expected = columns.clone();
            transpose_halves(&halves, k, &mut columns);
            assert_eq!(columns, expected);
            transpose(&b, k, &mut columns);
            add_weighted(&a, &columns, positions, &mut of_columns);
            let mut sums = gaussian_like(3, queries * k);
            let before = sums.clone();
            add_weighted(&scores, &b, k, &mut sums);
            for q in 0..queries {
                for p in 0..positions {
                    let exact: f64 = (0..k).map(|i| f64::from(a[q * k + i]) * f64::from(b[p * k + i])).sum();
                    for scores in [&scores, &of_columns] {
                        assert!((f64::from(scores[q * positions + p]) - exact).abs() < 1e-4);
                    }
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
