//! Adapted layers against the sum of dense matrices.

use super::{AdaptedLinear, LowRank};
use domain_types::Linear;
use domain_types::testing::{DenseLinear, gaussian_like};

const SIZES: (usize, usize, usize) = (37, 21, 3);

/// A layer with an addition, and the dense layer that it should equal.
fn pair() -> (AdaptedLinear, DenseLinear) {
    let (inputs, out, rank) = SIZES;
    let (w, a, b) =
        (gaussian_like(1, inputs * out), gaussian_like(2, rank * inputs), gaussian_like(3, out * rank));
    let merged = (0..w.len()).map(|at| {
        let (o, i) = (at / inputs, at % inputs);
        w[at] + (0..rank).map(|k| b[o * rank + k] * a[k * inputs + i]).sum::<f32>()
    });
    let merged = DenseLinear::new(merged.collect(), inputs);
    let base = Box::new(DenseLinear::new(w, inputs));
    (AdaptedLinear::new(base, LowRank::new(a, &b, rank).unwrap()).unwrap(), merged)
}

fn near(got: &[f32], want: &[f32]) {
    assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-4), "{got:?} is not {want:?}");
}

#[test]
fn additions_are_added_to_every_product_and_row() {
    let ((inputs, out, _), (adapted, merged)) = (SIZES, pair());
    for tokens in [1, 4] {
        let x = gaussian_like(4, tokens * inputs);
        let (mut got, mut want) = (vec![0.0; tokens * out], vec![0.0; tokens * out]);
        adapted.matmul(&x, tokens, &mut got);
        merged.matmul(&x, tokens, &mut want);
        near(&got, &want);
        adapted.matvec(&x[..inputs], &mut got[..out]);
        near(&got[..out], &want[..out]);
    }
    let (mut got, mut want) = (vec![0.0; inputs], vec![0.0; inputs]);
    adapted.row(5, &mut got);
    merged.row(5, &mut want);
    near(&got, &want);
}

#[test]
fn factors_that_do_not_fit_are_refused() {
    assert!(LowRank::new(vec![1.0; 6], &[1.0; 4], 4).is_err(), "6 is no multiple of 4");
    assert!(LowRank::new(vec![1.0; 6], &[1.0; 4], 0).is_err());
    assert!(LowRank::new(vec![f32::NAN; 6], &[1.0; 4], 2).unwrap_err().to_string().contains("finite"));
    let addition = LowRank::new(vec![1.0; 6], &[1.0; 4], 2).unwrap();
    let other = DenseLinear::new(vec![0.0; 8], 4);
    assert!(AdaptedLinear::new(Box::new(other), addition).is_none());
}
