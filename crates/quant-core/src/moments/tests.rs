use super::*;
use domain_types::testing::gaussian_like;

fn observed(parts: &[u64], tensors: &[&str], width: usize, pieces: &[&[f32]]) -> LayerMoments {
    let mut moments = InputMoments::of_parts(parts);
    for rows in pieces {
        moments.observe(tensors, width, rows);
    }
    moments.take().pop().expect("one input was observed")
}

/// Sums in the plainest way.
fn naive(width: usize, rows: &[f32]) -> Vec<f64> {
    let mut sums = vec![0.0; width * width];
    for x in rows.chunks_exact(width) {
        for (i, a) in x.iter().enumerate() {
            for (j, b) in x.iter().enumerate() {
                sums[i * width + j] += f64::from(*a) * f64::from(*b);
            }
        }
    }
    sums
}

/// Widths below, at and above a tile's side, more tokens than a piece.
#[test]
fn the_hessian_is_the_mean_of_outer_products() {
    for (width, tokens) in [(1, 3), (5, 600), (192, 7), (450, 30)] {
        let rows = gaussian_like(3, width * tokens);
        let half = tokens / 2 * width;
        let layer = observed(&[], &["a", "b"], width, &[&rows[..half], &rows[half..]]);
        let expected = naive(width, &rows);
        let hessian = layer.hessian().expect("finite inputs");
        assert_eq!(
            (hessian.width(), hessian.tokens(), layer.tokens()),
            (width, tokens as u64, tokens as u64)
        );
        for (at, (actual, sum)) in hessian.values().iter().zip(&expected).enumerate() {
            let mean = sum / tokens as f64;
            assert!(
                (f64::from(*actual) - mean).abs() < 3e-6,
                "{width} wide, entry {at}: {actual}, not {mean}"
            );
        }
        for (input, square) in layer.sums_of_squares().iter().enumerate() {
            let sum = expected[input * (width + 1)];
            assert!((square - sum).abs() < 1e-5 * sum, "{width} wide, input {input}: {square}, not {sum}");
        }
        assert_eq!(layer.tensors(), ["a", "b"]);
    }
}

#[test]
fn inputs_are_kept_apart_by_the_layers_that_share_them() {
    let mut moments = InputMoments::new();
    moments.observe(&["q", "k"], 2, &[1.0, 2.0]);
    moments.observe(&["down"], 3, &[1.0, 0.0, 1.0]);
    moments.observe(&["q", "k"], 2, &[3.0, 0.0]);
    let layers = moments.take();
    assert_eq!(layers.iter().map(LayerMoments::width).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(layers[0].hessian().expect("finite").values(), [5.0, 1.0, 1.0, 2.0]);
    assert_eq!(moments.take().len(), 0);
}

#[test]
fn dead_inputs_and_outliers_are_found() {
    let layer = observed(&[], &["a"], 4, &[&[1.0, 0.0, 10.0, 2.0, 1.0, 0.0, 10.0, 2.0]]);
    let check = layer.check();
    assert_eq!((check.dead, check.strongest, check.shift), (1, 2, None));
    assert_eq!(check.outlier_ratio, 200.0 / 8.0);
    let silent = observed(&[], &["a"], 2, &[&[0.0; 4]]).check();
    assert_eq!((silent.dead, silent.outlier_ratio), (2, 0.0));
}

#[test]
fn the_part_unlike_the_rest_is_found() {
    let (usual, odd) = ([1.0, 1.0, 0.0], [0.0, 0.0, 1.0]);
    let layer = observed(&[2, 1, 1], &["a"], 3, &[&usual, &usual, &odd, &usual]);
    let shift = layer.check().shift.expect("three parts");
    assert_eq!(shift.part, 1);
    // The whole has shares 3/7, 3/7, 1/7; the odd part has 0, 0, 1.
    assert!((shift.distance - 6.0 / 7.0).abs() < 1e-12, "{}", shift.distance);
    let same = observed(&[1, 1], &["a"], 3, &[&usual, &usual]).check().shift.expect("two parts");
    assert_eq!(same.distance, 0.0);
}

#[test]
fn inputs_that_are_not_finite_make_no_hessian() {
    let layer = observed(&[], &["a"], 2, &[&[1.0, f32::NAN]]);
    assert!(layer.hessian().expect_err("NaN").to_string().contains("NaN"));
}
