//! The best approximation of a matrix by one of low rank.

use crate::TrainError;
use crate::random::Rng;
use burn::tensor::{Device, Tensor, TensorData};

/// Directions beside those asked for, which make the others exact sooner.
const OVERSAMPLING: usize = 8;
/// Multiplications with E·Eᵀ.
const ROUNDS: usize = 6;

/// Values of A `[rank, in]` and B `[out, rank]`.
type Factors = [Vec<f32>; 2];

/// B·A nearest to E `[out, in]` among matrices of this rank (Eckart and Young 1936), by subspace iteration from a random
/// start (Halko et al. 2011, arXiv 0909.4061). Singular values are shared out evenly between both factors.
pub(crate) fn low_rank(
    error: Vec<f32>,
    [out, inputs]: [usize; 2],
    rank: usize,
    seed: u64,
    device: &Device,
) -> Result<Factors, TrainError> {
    let directions = (rank + OVERSAMPLING).min(out).min(inputs);
    let error = Tensor::<2>::from_data(TensorData::new(error, [out, inputs]), device);
    let mut rng = Rng::new(&[seed, 0x6c6f_6674_7100]);
    let mut basis: Vec<f32> = (0..directions * out).map(|_| rng.normal()).collect();
    for _ in 0..ROUNDS {
        orthonormalize(&mut basis, out);
        // Rows of `basis` are directions in the space of outputs.
        let onto = rows(&basis, out, device).matmul(error.clone());
        basis = values(onto.matmul(error.clone().transpose()))?;
    }
    orthonormalize(&mut basis, out);
    // E ≈ Qᵀ·(Q·E), and Q·E has the singular values of E: its small Gram matrix tells them.
    let projected = rows(&basis, out, device).matmul(error);
    let gram = values(projected.clone().matmul(projected.clone().transpose()))?;
    let (eigenvalues, vectors) = symmetric_eigen(gram, directions);
    let kept = rows(&vectors[..rank.min(directions) * directions], directions, device);
    let (mut a, mut b) =
        (values(kept.clone().matmul(projected))?, values(kept.matmul(rows(&basis, out, device)))?);
    for (k, value) in eigenvalues.iter().take(rank.min(directions)).enumerate() {
        // The rows of A are σ·v, those of B are u: √σ goes to each.
        let root = value.max(0.0).sqrt().sqrt() as f32;
        let inverse = if root > 0.0 { root.recip() } else { 0.0 };
        a[k * inputs..][..inputs].iter_mut().for_each(|x| *x *= inverse);
        b[k * out..][..out].iter_mut().for_each(|x| *x *= root);
    }
    a.resize(rank * inputs, 0.0);
    b.resize(rank * out, 0.0);
    Ok([a, transposed(&b, out)])
}

fn rows(values: &[f32], row_len: usize, device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len() / row_len, row_len]), device)
}

fn values(tensor: Tensor<2>) -> Result<Vec<f32>, TrainError> {
    tensor.try_into_vec_as::<f32>().map_err(|e| TrainError::Unsupported(e.to_string()))
}

fn transposed(values: &[f32], row_len: usize) -> Vec<f32> {
    let count = values.len() / row_len;
    (0..values.len()).map(|i| values[i % count * row_len + i / count]).collect()
}

/// Rows orthonormal to each other, by Gram and Schmidt's method done twice; rows that depend on others become zero.
fn orthonormalize(basis: &mut [f32], row_len: usize) {
    for index in 0..basis.len() / row_len {
        let (before, rest) = basis.split_at_mut(index * row_len);
        let row = &mut rest[..row_len];
        let size = dot(row, row).sqrt();
        for _ in 0..2 {
            for other in before.chunks_exact(row_len) {
                let share = dot(row, other) as f32;
                row.iter_mut().zip(other).for_each(|(x, o)| *x -= share * o);
            }
        }
        let left = dot(row, row).sqrt();
        let factor = if left > 1e-6 * size { (1.0 / left) as f32 } else { 0.0 };
        for x in row {
            *x *= factor;
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Eigenvalues, largest first, and eigenvectors as rows of a symmetric matrix, by Jacobi's rotations.
fn symmetric_eigen(matrix: Vec<f32>, n: usize) -> (Vec<f64>, Vec<f32>) {
    let mut m: Vec<f64> = matrix.into_iter().map(f64::from).collect();
    let mut v: Vec<f64> = (0..n * n).map(|i| f64::from(u8::from(i % n == i / n))).collect();
    for _ in 0..30 {
        for p in 0..n {
            for q in p + 1..n {
                if m[p * n + q].abs() > 1e-12 * (m[p * n + p] * m[q * n + q]).abs().sqrt() {
                    rotate(&mut m, &mut v, n, [p, q]);
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| m[b * n + b].total_cmp(&m[a * n + a]));
    let vectors = order.iter().flat_map(|&i| v[i * n..][..n].iter().map(|&x| x as f32)).collect();
    (order.iter().map(|&i| m[i * n + i]).collect(), vectors)
}

/// Makes entry (p, q) zero.
fn rotate(m: &mut [f64], v: &mut [f64], n: usize, [p, q]: [usize; 2]) {
    let theta = 0.5 * (2.0 * m[p * n + q]).atan2(m[q * n + q] - m[p * n + p]);
    let (s, c) = theta.sin_cos();
    let turn = |values: &mut [f64], i: usize, j: usize| {
        let (x, y) = (values[i], values[j]);
        (values[i], values[j]) = (c * x - s * y, s * x + c * y);
    };
    for k in 0..n {
        turn(m, k * n + p, k * n + q);
    }
    for k in 0..n {
        turn(m, p * n + k, q * n + k);
        turn(v, p * n + k, q * n + k);
    }
}

#[cfg(test)]
mod tests {
    use super::low_rank;
    use crate::random::Rng;
    use burn::tensor::Device;

    /// A matrix with singular values 8, 4, 2, 1, … by construction: what is left after rank r is known.
    #[test]
    fn what_is_left_has_the_energy_of_the_singular_values_not_taken() {
        let (out, inputs, count) = (24, 40, 8);
        let mut rng = Rng::new(&[5]);
        let mut orthonormal = |n: usize| {
            let mut rows: Vec<f32> = (0..count * n).map(|_| rng.normal()).collect();
            super::orthonormalize(&mut rows, n);
            rows
        };
        let (u, v) = (orthonormal(out), orthonormal(inputs));
        let singular = |k: usize| 8.0 * 0.5_f32.powi(k as i32);
        let entry = |i: usize, j: usize| {
            (0..count).map(|k| singular(k) * u[k * out + i] * v[k * inputs + j]).sum::<f32>()
        };
        let error: Vec<f32> = (0..out * inputs).map(|at| entry(at / inputs, at % inputs)).collect();
        for rank in [1, 3, 5] {
            let [a, b] = low_rank(error.clone(), [out, inputs], rank, 1, &Device::flex()).unwrap();
            assert_eq!((a.len(), b.len()), (rank * inputs, out * rank));
            let product =
                |i: usize, j: usize| (0..rank).map(|k| b[i * rank + k] * a[k * inputs + j]).sum::<f32>();
            let left: f32 =
                (0..out * inputs).map(|at| (error[at] - product(at / inputs, at % inputs)).powi(2)).sum();
            let want: f32 = (rank..count).map(|k| singular(k).powi(2)).sum();
            assert!((left - want).abs() < 1e-3 * want, "rank {rank}: {left} is not {want}");
        }
    }

    #[test]
    fn more_rank_than_the_matrix_has_is_no_harm() {
        let error = vec![1.0, 2.0, 2.0, 4.0];
        let [a, b] = low_rank(error.clone(), [2, 2], 3, 1, &Device::flex()).unwrap();
        for (at, want) in error.iter().enumerate() {
            let got: f32 = (0..3).map(|k| b[at / 2 * 3 + k] * a[k * 2 + at % 2]).sum();
            assert!((got - want).abs() < 1e-4, "{got} is not {want}");
        }
    }
}
