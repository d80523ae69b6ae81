//! The Walsh–Hadamard transform of a head.

/// Multiplies each head by an orthonormal Hadamard matrix: one of the head's width where that is a power of two, else
/// one block after the other of the largest power of two that divides it. It is its own inverse.
pub(crate) fn rotate_heads(heads: &mut [f32], head_dim: usize) {
    let size = 1 << head_dim.trailing_zeros();
    let scale = (size as f32).sqrt().recip();
    for block in heads.chunks_exact_mut(size) {
        transform(block);
        for x in block {
            *x *= scale;
        }
    }
}

/// Sums and differences at distance 1, 2, 4, … (the length is a power of two).
fn transform(block: &mut [f32]) {
    let mut half = 1;
    while half < block.len() {
        for pair in block.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain_types::testing::gaussian_like;

    #[test]
    fn products_of_rotated_heads_are_the_same() {
        for head_dim in [2, 12, 64, 80, 128] {
            let (a, b) = (gaussian_like(1, head_dim), gaussian_like(2, head_dim));
            let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(x, y)| x * y).sum() };
            let (mut ra, mut rb) = (a.clone(), b.clone());
            rotate_heads(&mut ra, head_dim);
            rotate_heads(&mut rb, head_dim);
            assert!(ra.iter().zip(&a).any(|(x, y)| (x - y).abs() > 0.1), "{head_dim}: something turned");
            assert!((dot(&ra, &rb) - dot(&a, &b)).abs() < 1e-3 * head_dim as f32, "{head_dim}");
        }
    }

    #[test]
    fn an_outlier_is_spread_evenly() {
        let mut heads = [0.0; 16];
        heads[5] = 8.0;
        rotate_heads(&mut heads, 16);
        assert!(heads.iter().all(|x| x.abs() == 2.0), "{heads:?}");
    }
}
