use super::Compensation;
use crate::gemm::rows_times;
use crate::{CrossMoment, InputMoments};
use domain_types::testing::gaussian_like;
use domain_types::{Hessian, InputObserver};

const WIDTH: usize = 20;
const OUTPUTS: usize = 3;
const TOKENS: usize = 1100;

/// Inputs x, what a lossy prefix makes of them, and a layer's weights.
fn case() -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let x = gaussian_like(1, TOKENS * WIDTH);
    // Each entry leaks into the next, and there is noise.
    let lossy = x
        .iter()
        .zip(gaussian_like(2, x.len()))
        .enumerate()
        .map(|(at, (value, noise))| 0.8 * value + 0.2 * x[at.saturating_sub(1)] + 0.1 * noise);
    let lossy = lossy.collect();
    (x, lossy, gaussian_like(3, OUTPUTS * WIDTH))
}

fn hessian(rows: &[f32]) -> Hessian {
    let mut moments = InputMoments::new();
    moments.observe(&["layer"], WIDTH, rows);
    moments.take()[0].hessian().expect("finite")
}

fn outputs(weights: &[f32], inputs: &[f32]) -> Vec<f32> {
    let row = |x: &[f32]| -> Vec<f32> {
        weights.chunks_exact(WIDTH).map(|w| w.iter().zip(x).map(|(w, x)| w * x).sum()).collect()
    };
    inputs.chunks_exact(WIDTH).flat_map(row).collect()
}

fn squared_error(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum()
}

#[test]
fn cross_moments_are_means_of_products() {
    let (x, lossy, weights) = case();
    let mut moment = CrossMoment::new(WIDTH, WIDTH);
    moment.add(&x[..400 * WIDTH], &lossy[..400 * WIDTH]);
    moment.add(&x[400 * WIDTH..], &lossy[400 * WIDTH..]);
    let mean = moment.mean();
    for (row, column) in [(0, 0), (3, 17), (19, 2)] {
        let products =
            x.chunks_exact(WIDTH).zip(lossy.chunks_exact(WIDTH)).map(|(x, l)| f64::from(x[row] * l[column]));
        let expected = products.sum::<f64>() / TOKENS as f64;
        assert!((f64::from(mean[row * WIDTH + column]) - expected).abs() < 1e-5);
    }
    let mut of_outputs = CrossMoment::new(OUTPUTS, WIDTH);
    of_outputs.add(&outputs(&weights, &x), &lossy);
    assert!(squared_error(&of_outputs.mean(), &moment.of_outputs(&weights)) < 1e-8);
}

#[test]
fn regression_leaves_no_error_that_inputs_explain() {
    let (x, lossy, weights) = case();
    let (hessian, wanted) = (hessian(&lossy), outputs(&weights, &x));
    let mut moment = CrossMoment::new(OUTPUTS, WIDTH);
    moment.add(&wanted, &lossy);
    let error_at = |strength: f32| {
        let compensation = Compensation { damping: 0.0, strength };
        let moved = compensation.apply(&weights, &moment.mean(), &hessian).expect("definite");
        (squared_error(&outputs(&moved, &lossy), &wanted), moved)
    };
    let (nothing, half, all) = (error_at(0.0), error_at(0.5), error_at(1.0));
    assert_eq!(nothing.1, weights);
    assert!(all.0 < half.0 && half.0 < nothing.0 && all.0 < 0.5 * nothing.0);
    // The normal equations: W′·H = E[y·x̂ᵀ].
    assert!(squared_error(&rows_times(&all.1, hessian.values(), WIDTH, WIDTH), &moment.mean()) < 1e-7);
}

#[test]
fn inputs_that_never_occur_leave_their_weights_alone() {
    let (x, mut lossy, weights) = case();
    lossy.iter_mut().skip(5).step_by(WIDTH).for_each(|value| *value = 0.0);
    let mut moment = CrossMoment::new(OUTPUTS, WIDTH);
    moment.add(&outputs(&weights, &x), &lossy);
    // Undamped, the second moment cannot be inverted.
    for damping in [0.01, 0.0] {
        let compensation = Compensation { damping, strength: 1.0 };
        let moved = compensation.apply(&weights, &moment.mean(), &hessian(&lossy)).expect("raised");
        for (moved, weight) in moved.chunks_exact(WIDTH).zip(weights.chunks_exact(WIDTH)) {
            assert!((moved[5] - weight[5]).abs() < 1e-5);
        }
    }
}
