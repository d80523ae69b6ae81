//! Gradients against PyTorch's and against finite differences, and the operation in burn.

use super::op::fake_quantize;
use super::{FakeQuantizer, Granularity, LearnedStep, LevelGrid, Surrogate, ThroughPort};
use burn::tensor::{Device, Tensor, TensorData};
use domain_types::testing::gaussian_like;
use proptest::prelude::*;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
struct Case {
    surrogate: String,
    grid: String,
    levels: Vec<f32>,
    dims: [usize; 2],
    block: usize,
    weights: Vec<f32>,
    steps: Vec<f32>,
    gradient: Vec<f32>,
    rounded: Vec<f32>,
    of_weights: Vec<f32>,
    of_steps: Vec<f32>,
}

const PIQ2: [f32; 4] = [-2.0, -1.0, 0.0, 1.0];

fn surrogate(name: &str) -> Surrogate {
    match name {
        "ste" => Surrogate::Ste,
        "clipped_ste" => Surrogate::ClippedSte,
        "lsq" => Surrogate::Lsq,
        "ewgs" => Surrogate::Ewgs(0.2),
        "seq" => Surrogate::Seq,
        other => panic!("{other}"),
    }
}

fn near(what: &str, got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len());
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() < 2e-5 * (1.0 + want.abs()), "{what}, {i}: {got} is not {want}");
    }
}

/// tests/golden/make_quantizers.py
#[test]
fn values_and_gradients_are_those_of_pytorch() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/golden/quantizers.json")).unwrap();
    assert_eq!(cases.len(), 25);
    for case in cases {
        let what = format!("{} {}", case.surrogate, case.grid);
        let grid = LevelGrid::new(&case.levels).unwrap();
        let quantizer =
            LearnedStep::new(grid, surrogate(&case.surrogate), Granularity::Block, case.dims, case.block);
        near(&what, &quantizer.forward(&case.weights, &case.steps).unwrap(), &case.rounded);
        let found = quantizer.backward(&case.weights, &case.steps, &case.gradient);
        near(&what, &found.weights, &case.of_weights);
        near(&what, &found.steps, &case.of_steps);
    }
}

proptest! {
    /// The surrogate of LSQ is s·(clip(w/s) + c), c being by how much rounding moved: its finite differences, in f64,
    /// are the gradients. Points whose differences straddle an end of the range are left out.
    #[test]
    fn gradients_are_finite_differences_of_the_surrogate(
        weight in -3.0_f32..3.0, step in prop_oneof![-1.5_f32..-0.2, 0.2_f32..1.5], gradient in -2.0_f32..2.0,
        three_bits in any::<bool>(),
    ) {
        let levels: Vec<f32> = if three_bits { (-4..4).map(|l| l as f32).collect() } else { PIQ2.to_vec() };
        let step = half::f16::from_f32(step).to_f32();
        let grid = LevelGrid::new(&levels).unwrap();
        let (low, high) = grid.ends();
        let quantizer = LearnedStep::new(grid.clone(), Surrogate::Lsq, Granularity::Tensor, [1, 1], 1);
        let x = weight / step;
        prop_assume!((x - low).abs() > 1e-3 && (x - high).abs() > 1e-3);
        let moved = f64::from(grid.nearest(x)) - f64::from(x).clamp(low.into(), high.into());
        let smooth = |w: f64, s: f64| s * ((w / s).clamp(low.into(), high.into()) + moved);
        let (w, s, h) = (f64::from(weight), f64::from(step), 1e-5);
        let of_weight = (smooth(w + h, s) - smooth(w - h, s)) / (2.0 * h) * f64::from(gradient);
        let of_step = (smooth(w, s + h) - smooth(w, s - h)) / (2.0 * h) * f64::from(gradient);
        let found = quantizer.backward(&[weight], &[step], &[gradient]);
        prop_assert!((f64::from(found.weights[0]) - of_weight).abs() < 1e-4);
        let scaled = of_step / f64::from(high.max(-low)).sqrt();
        prop_assert!((f64::from(found.steps[0]) - scaled).abs() < 1e-3, "{} {scaled}", found.steps[0]);
    }
}

#[test]
fn every_granularity_shares_steps_as_it_says() {
    let weights = gaussian_like(1, 2 * 20);
    let grid = LevelGrid::new(&PIQ2).unwrap();
    for (granularity, dims) in [
        (Granularity::Tensor, [1, 1]),
        (Granularity::Channel, [2, 1]),
        (Granularity::Group(2), [2, 2]),
        (Granularity::Block, [2, 3]),
    ] {
        let quantizer = LearnedStep::new(grid.clone(), Surrogate::Lsq, granularity, [2, 20], 8);
        assert_eq!(quantizer.step_dims(), dims);
        let steps: Vec<f32> = (0..dims[0] * dims[1]).map(|i| 0.25 * (i + 1) as f32).collect();
        let rounded = quantizer.forward(&weights, &steps).unwrap();
        // The last weight is in the last step's share, the first in the first's.
        assert_eq!(rounded[39], steps[steps.len() - 1] * grid.nearest(weights[39] / steps[steps.len() - 1]));
        assert_eq!(rounded[0], steps[0] * grid.nearest(weights[0] / steps[0]));
        assert_eq!(quantizer.steps_of(&rounded, 8, 20).unwrap().len(), steps.len());
        if granularity == Granularity::Block {
            // What is rounded tells its steps, or others that mean the same.
            let found = quantizer.steps_of(&rounded, 8, 20).unwrap();
            assert_eq!(quantizer.forward(&rounded, &found).unwrap(), rounded);
        }
    }
}

#[test]
fn what_is_not_on_the_grid_has_no_step() {
    let grid = LevelGrid::new(&PIQ2).unwrap();
    assert_eq!(grid.step_of(&[-1.0, 0.5, 0.0, -0.5]), Some(0.5));
    assert_eq!(grid.step_of(&[1.0, -0.5, 0.0, 0.5]), Some(-0.5));
    assert_eq!(grid.step_of(&[0.0; 3]), Some(0.0));
    assert_eq!(grid.step_of(&[1.0, 0.3]), None);
    assert!(LevelGrid::new(&[1.0, 0.0]).is_err());
    assert!(LevelGrid::new(&[0.0]).is_err());
}

/// One loss on both backends: values and gradients of the operation are those of the slices.
#[test]
#[expect(deprecated, reason = "burn's NdArray is the reference that Flex is tested against")]
fn burn_computes_the_same_on_every_backend() {
    let (weights, steps) = (gaussian_like(3, 32), vec![0.5, -0.25, 0.75, 0.5]);
    let slopes = gaussian_like(4, 32);
    let quantizer: Arc<dyn FakeQuantizer> = Arc::new(LearnedStep::new(
        LevelGrid::new(&PIQ2).unwrap(),
        Surrogate::Ewgs(0.1),
        Granularity::Block,
        [2, 16],
        8,
    ));
    let want = quantizer.backward(&weights, &steps, &slopes);
    for device in [Device::flex().autodiff(), Device::ndarray().autodiff()] {
        let tensor = |values: &[f32], dims: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(values.to_vec(), dims), &device)
        };
        let (w, s) = (tensor(&weights, [2, 16]).require_grad(), tensor(&steps, [2, 2]).require_grad());
        let rounded = fake_quantize(w.clone(), s.clone(), &quantizer);
        let values: Vec<f32> = rounded.clone().try_into_vec_as().unwrap();
        assert_eq!(values, quantizer.forward(&weights, &steps).unwrap());
        let gradients = (rounded * tensor(&slopes, [2, 16])).sum().backward();
        let of_weights: Vec<f32> = w.grad(&gradients).unwrap().try_into_vec_as().unwrap();
        let of_steps: Vec<f32> = s.grad(&gradients).unwrap().try_into_vec_as().unwrap();
        assert_eq!((of_weights, of_steps), (want.weights.clone(), want.steps.clone()));
    }
}

/// A format of one scale per tensor and whole numbers, to stand for any.
mod whole_numbers {
    use domain_types::*;

    pub(super) const FORMAT: QuantFormat = QuantFormat::new("whole", 1, 4, RowRule::WholeBlocks);

    #[derive(Default)]
    pub(super) struct Whole;

    impl Quantizer for Whole {
        fn format(&self) -> QuantFormat {
            FORMAT
        }

        fn quantize(&self, request: &QuantizeRequest<'_>) -> Result<QuantTensor, PortError> {
            let bytes: Vec<u8> = request.weights().iter().flat_map(|w| w.round().to_le_bytes()).collect();
            Ok(QuantTensor::new(FORMAT, request.shape(), bytes)?)
        }
    }

    impl WeightCodec for Whole {
        fn format(&self) -> QuantFormat {
            FORMAT
        }

        fn decode(&self, tensor: TensorView<'_>, out: &mut [f32]) -> Result<(), PortError> {
            let values = tensor.bytes().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
            out.iter_mut().zip(values).for_each(|(out, value)| *out = value);
            Ok(())
        }

        fn linear(&self, _: QuantTensor) -> Result<Box<dyn Linear>, PortError> {
            Err(PortError::invalid("not needed"))
        }
    }

    impl CodecSet for Whole {
        fn codec(&self, format: &QuantFormat) -> Option<&dyn WeightCodec> {
            (*format == FORMAT).then_some(self)
        }

        fn rotation(&self, _: usize, _: u64) -> Result<Box<dyn OrthogonalTransform>, PortError> {
            Err(PortError::invalid("not needed"))
        }
    }
}

#[test]
fn any_format_rounds_through_its_ports() {
    let shape = domain_types::Shape::matrix(1, 4).unwrap();
    let whole = || Arc::new(whole_numbers::Whole);
    let quantizer = ThroughPort::new(whole(), whole(), shape);
    assert_eq!(quantizer.forward(&[0.4, -1.6, 2.0, 0.9], &[0.0]).unwrap(), [0.0, -2.0, 2.0, 1.0]);
    let found = quantizer.backward(&[0.0; 4], &[0.0], &[1.0, 2.0, 3.0, 4.0]);
    assert_eq!((found.weights, found.steps), (vec![1.0, 2.0, 3.0, 4.0], vec![0.0]));
    // Weights that are no numbers cannot be rounded; in burn they become NaN, which ends a training.
    assert!(quantizer.forward(&[f32::NAN; 4], &[0.0]).is_err());
    let device = Device::flex();
    let weights = Tensor::<2>::from_data(TensorData::new(vec![f32::NAN; 4], [1, 4]), &device);
    let quantizer: Arc<dyn FakeQuantizer> = Arc::new(quantizer);
    let rounded = fake_quantize(weights, Tensor::zeros([1, 1], &device), &quantizer);
    assert!(rounded.try_into_vec_as::<f32>().unwrap().iter().all(|w| w.is_nan()));
}
