//! Products of small F32 matrices, for attention scores and their use.

/// c = a·bᵀ: `a` is m × k, `b` is n × k, `c` is m × n, all row after row.
pub(super) fn times_transposed(a: &[f32], b: &[f32], k: usize, c: &mut [f32]) {
    let (m, n) = (a.len() / k, b.len() / k);
    assert_eq!((a.len(), b.len(), c.len()), (m * k, n * k, m * n), "matrix sizes must agree");
    let k_stride = k as isize;
    // SAFETY: strides (k, 1), (1, k) and (n, 1) address m × k, k × n and m × n elements, which the assertion above
    // has found to be exactly the three slices; `c` is borrowed mutably, so it overlaps neither input.
    unsafe {
        matrixmultiply::sgemm(
            m,
            k,
            n,
            1.0,
            a.as_ptr(),
            k_stride,
            1,
            b.as_ptr(),
            1,
            k_stride,
            0.0,
            c.as_mut_ptr(),
            n as isize,
            1,
        );
    }
}

/// c += a·b: `a` is m × k, `b` is k × n, `c` is m × n, all row after row.
pub(super) fn add_product(a: &[f32], b: &[f32], k: usize, c: &mut [f32]) {
    let (m, n) = (a.len() / k, b.len() / k);
    assert_eq!((a.len(), b.len(), c.len()), (m * k, n * k, m * n), "matrix sizes must agree");
    let n_stride = n as isize;
    // SAFETY: strides (k, 1), (n, 1) and (n, 1) address m × k, k × n and m × n elements, which the assertion above
    // has found to be exactly the three slices; `c` is borrowed mutably, so it overlaps neither input.
    unsafe {
        matrixmultiply::sgemm(
            m,
            k,
            n,
            1.0,
            a.as_ptr(),
            k as isize,
            1,
            b.as_ptr(),
            n_stride,
            1,
            1.0,
            c.as_mut_ptr(),
            n_stride,
            1,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_definition() {
        let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut c = [f32::NAN; 4];
        times_transposed(&a, &[1.0, 0.0, -1.0, 2.0, 1.0, 0.0], 3, &mut c);
        assert_eq!(c, [-2.0, 4.0, -2.0, 13.0]);
        let mut c = [1.0; 4];
        add_product(&a, &[1.0, 2.0, 0.0, 1.0, -1.0, 0.0], 3, &mut c);
        assert_eq!(c, [-1.0, 5.0, -1.0, 14.0]);
    }
}
