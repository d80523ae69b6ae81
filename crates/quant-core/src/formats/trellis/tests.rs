use super::lone::LoneEncoder;
use super::*;
use crate::testing::normal;
use crate::{QuantizeOptions, StepSearch};
use domain_types::testing::{quantizer_conformance, weight_codec_conformance};
use domain_types::{QuantTensor, QuantizeRequest, Shape, WeightCodec};
use proptest::prelude::*;

fn options(step: StepSearch) -> QuantizeOptions {
    QuantizeOptions { step, ..QuantizeOptions::default() }
}

fn quantized<T: Trellis>(weights: &[f32], shape: Shape, step: StepSearch) -> QuantTensor {
    let request = QuantizeRequest::new(weights, shape).expect("finite");
    make::<T>(options(step)).expect("no options").quantize(&request).expect("fits")
}

fn decoded<T: Trellis>(tensor: &QuantTensor) -> Vec<f32> {
    let mut weights = vec![f32::NAN; tensor.shape().elements()];
    TrellisCodec::<T>::NEW.decode(tensor.view(), &mut weights).expect("valid");
    weights
}

fn mse(weights: &[f32], decoded: &[f32]) -> f64 {
    weights.iter().zip(decoded).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / weights.len() as f64
}

fn conforms<T: Trellis>(max_relative_mse: f64) {
    let shape = Shape::matrix(64, 96).expect("usable");
    let sample = quantized::<T>(&normal(shape.elements()), shape, StepSearch::Mse);
    weight_codec_conformance(&TrellisCodec::<T>::NEW, &sample);
    for step in [StepSearch::Mse, StepSearch::Rms] {
        let quantizer = make::<T>(options(step)).expect("no options");
        quantizer_conformance(&*quantizer, &TrellisCodec::<T>::NEW, max_relative_mse);
    }
}

#[test]
fn conformance() {
    conforms::<T1>(0.35);
    conforms::<T2>(0.11);
    conforms::<T2L8>(0.10);
    conforms::<T2L12>(0.10);
    conforms::<T3>(0.03);
    conforms::<T3L10>(0.03);
    conforms::<T3L12>(0.03);
    conforms::<T4>(0.01);
    conforms::<T4L12>(0.01);
}

/// Mean squared error on a quarter of a million unit normal weights.
fn gaussian<T: Trellis>(step: StepSearch) -> f64 {
    let shape = Shape::matrix(512, 512).expect("usable");
    let weights = normal(shape.elements());
    let tensor = quantized::<T>(&weights, shape, step);
    assert_eq!(tensor.bytes().len(), 512 * (512 * T::BITS / 8 + 2));
    mse(&weights, &decoded::<T>(&tensor))
}

/// The figures of docs/formats.md, all below what scalar quantizers reach (Lloyd-Max: 0.363, 0.1175, 0.0345, 0.0095)
/// and above Shannon's bound 4^-k.
#[test]
fn error_on_normal_weights() {
    let check = |id: &str, mse: f64, most: f64, bits: i32| {
        println!("{id}: {mse:.5}");
        assert!(mse < most && mse > 0.25_f64.powi(bits), "{id}: {mse:.5}, at most {most}");
    };
    check("t1", gaussian::<T1>(StepSearch::Mse), 0.294, 1);
    check("t2", gaussian::<T2>(StepSearch::Mse), 0.09, 2);
    check("t2_l8", gaussian::<T2L8>(StepSearch::Mse), 0.0803, 2);
    check("t2_l12", gaussian::<T2L12>(StepSearch::Mse), 0.075, 2);
    check("t3", gaussian::<T3>(StepSearch::Mse), 0.0225, 3);
    check("t3_l10", gaussian::<T3L10>(StepSearch::Mse), 0.0204, 3);
    check("t3_l12", gaussian::<T3L12>(StepSearch::Mse), 0.0196, 3);
    check("t4", gaussian::<T4>(StepSearch::Mse), 0.0060, 4);
    check("t4_l12", gaussian::<T4L12>(StepSearch::Mse), 0.0051, 4);
    check("t2, closed form", gaussian::<T2>(StepSearch::Rms), 0.09, 2);
}

/// Reads bit by bit what the module's text describes.
fn naive<T: Trellis>(bytes: &[u8], rows: usize, columns: usize) -> Vec<f32> {
    let bits = rows * T::BITS;
    let bit = |column: usize, at: usize| {
        let at = at % bits;
        usize::from(bytes[at / 8 * columns + column] >> (at % 8) & 1)
    };
    let weight = |row: usize, column: usize| {
        let nibble = |shift| (0..4).map(|i| bit(column, row * T::BITS + shift + i) << i).sum::<usize>();
        let sum: u32 = T::TABLES.iter().map(|t| u32::from(t.entries[nibble(t.shift)])).sum();
        let top: u32 = T::TABLES.iter().map(|t| u32::from(t.entries[0] + t.entries[15])).sum();
        let scale = crate::formats::read_f16(&bytes[bits / 8 * columns + 2 * row..]);
        scale * (sum as f32 - top as f32 / 2.0)
    };
    (0..rows * columns).map(|at| weight(at / columns, at % columns)).collect()
}

fn agrees<T: Trellis>(rows: usize, columns: usize, fill: &[u8]) {
    let shape = Shape::matrix(rows, columns).expect("usable");
    let bytes: Vec<u8> =
        fill.iter().copied().cycle().take(T::FORMAT.byte_len(&shape).expect("fits")).collect();
    let tensor = QuantTensor::new(T::FORMAT, shape, bytes).expect("sized");
    let (actual, expected) = (decoded::<T>(&tensor), naive::<T>(tensor.bytes(), rows, columns));
    let same = actual.iter().zip(&expected).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()));
    assert!(same, "{}", T::ID);
}

proptest! {
    #[test]
    fn any_bytes_decode_bit_by_bit(
        rows in 1..4_usize,
        columns in 1..4_usize,
        fill in prop::collection::vec(any::<u8>(), 31..600),
    ) {
        let (rows, columns) = (ROWS * rows, COLUMNS * columns);
        agrees::<T1>(rows, columns, &fill);
        agrees::<T2>(rows, columns, &fill);
        agrees::<T2L8>(rows, columns, &fill);
        agrees::<T2L12>(rows, columns, &fill);
        agrees::<T3>(rows, columns, &fill);
        agrees::<T3L10>(rows, columns, &fill);
        agrees::<T3L12>(rows, columns, &fill);
        agrees::<T4>(rows, columns, &fill);
        agrees::<T4L12>(rows, columns, &fill);
    }
}

/// Sums must fit what kernels add up in 16 bits, see docs/formats.md.
#[test]
fn sums_stay_in_range() {
    fn check<T: Trellis>(most: f32) {
        let values = (0..1 << T::WINDOW).map(T::value);
        assert!(values.clone().all(|v| v.abs() <= T::OFFSET) && 2.0 * T::OFFSET <= most, "{}", T::ID);
        let mirrored = (0..1 << T::WINDOW).rev().map(T::value);
        assert!(values.zip(mirrored).all(|(a, b)| a == -b), "{}", T::ID);
    }
    check::<T1>(31.0);
    check::<T2>(31.0);
    check::<T2L8>(31.0);
    check::<T2L12>(31.0);
    check::<T3>(63.0);
    check::<T3L10>(63.0);
    check::<T4>(63.0);
    check::<T3L12>(127.0);
    check::<T4L12>(127.0);
}

/// One column coded alone: codes, closed to a ring, decode to the values that the encoder promised.
fn ring_closes<T: Trellis>(rows: usize) -> f64 {
    let targets: Vec<f32> = normal(rows).iter().map(|x| x / T::UNIT).collect();
    let (mut codes, mut values) = (vec![0; rows], vec![0.0; rows]);
    LoneEncoder::<T>::new().column(&targets, &vec![1.0; rows], &mut codes, &mut values);
    for (row, value) in values.iter().enumerate() {
        let window = (0..T::WINDOW.div_ceil(T::BITS))
            .map(|i| u32::from(codes[(row + i) % rows]) << (i * T::BITS))
            .sum::<u32>();
        assert_eq!(*value, T::value(window), "{}, row {row} of {rows}", T::ID);
    }
    mse(&targets, &values) * f64::from(T::UNIT).powi(2)
}

#[test]
fn strings_are_rings() {
    for rows in [32, 96, 160, 576, 1536, 4128] {
        ring_closes::<T1>(rows);
        ring_closes::<T2>(rows);
        ring_closes::<T2L8>(rows);
        ring_closes::<T3>(rows);
        ring_closes::<T3L10>(rows);
        ring_closes::<T4>(rows);
    }
    assert!(ring_closes::<T2L12>(32 * 1024) < 0.076);
    assert!(ring_closes::<T3L12>(8 * 1024) < 0.0205);
    assert!(ring_closes::<T4L12>(8 * 1024) < 0.0054);
}

/// The least error of any ring, by trying every junction at the cut.
fn least_error<T: Trellis>(targets: &[f32]) -> f64 {
    let junctions = 1_usize << (T::WINDOW - T::BITS);
    let from = |start: usize| {
        let mut errors = vec![f64::INFINITY; junctions];
        errors[start] = 0.0;
        for target in targets {
            let mut after = vec![f64::INFINITY; junctions];
            for window in 0..1 << T::WINDOW {
                let error = errors[window % junctions] + f64::from(target - T::value(window as u32)).powi(2);
                let junction = window >> T::BITS;
                after[junction] = error.min(after[junction]);
            }
            errors = after;
        }
        errors[start]
    };
    (0..junctions).map(from).fold(f64::INFINITY, f64::min)
}

#[test]
fn paths_are_nearly_the_best() {
    fn excess<T: Trellis>(rows: usize) -> f64 {
        let (mut found, mut least) = (0.0, 0.0);
        for targets in normal(32 * rows).chunks_exact(rows) {
            let targets: Vec<f32> = targets.iter().map(|x| x / T::UNIT).collect();
            let (mut codes, mut values) = (vec![0; rows], vec![0.0; rows]);
            LoneEncoder::<T>::new().column(&targets, &vec![1.0; rows], &mut codes, &mut values);
            found += mse(&targets, &values) * rows as f64;
            least += least_error::<T>(&targets);
        }
        found / least - 1.0
    }
    let excesses = [
        ("t1", excess::<T1>(64)),
        ("t2", excess::<T2>(64)),
        ("t2_l8", excess::<T2L8>(128)),
        ("t3", excess::<T3>(32)),
        ("t3", excess::<T3>(128)),
    ];
    for (id, excess) in excesses {
        println!("{id}: {:.3}% above the best ring", 100.0 * excess);
        assert!((-1e-6..0.02).contains(&excess), "{id}: {excess}");
    }
}

#[test]
fn a_stack_is_its_matrices() {
    let (stack, matrix) = (Shape::new(&[3, 32, 64]).expect("usable"), Shape::matrix(32, 64).expect("usable"));
    let weights = normal(stack.elements());
    let whole = quantized::<T3>(&weights, stack, StepSearch::Mse);
    let parts = weights.chunks_exact(32 * 64).map(|w| quantized::<T3>(w, matrix, StepSearch::Mse));
    let parts: Vec<_> = parts.collect();
    assert_eq!(whole.bytes(), &parts.iter().flat_map(|t| t.bytes().to_vec()).collect::<Vec<_>>());
    assert_eq!(decoded::<T3>(&whole), parts.iter().flat_map(decoded::<T3>).collect::<Vec<_>>());
}

/// Importance cannot choose codes, but it weighs the scales; without it the option is refused.
#[test]
fn importance_fits_scales() {
    let shape = Shape::matrix(32, 64).expect("usable");
    let weights = normal(shape.elements());
    let importance: Vec<f32> = (0..64).map(|c| if c < 8 { 100.0 } else { 0.01 }).collect();
    let request = QuantizeRequest::new(&weights, shape).expect("finite");
    let quantizer = make::<T2>(options(StepSearch::Imatrix)).expect("no options");
    assert!(quantizer.quantize(&request).is_err());
    let weighted = quantizer.quantize(&request.with_importance(&importance).expect("valid")).expect("fits");
    let plain = quantized::<T2>(&weights, shape, StepSearch::Mse);
    let codes = 32 * 64 / 4;
    assert_eq!(weighted.bytes()[..codes], plain.bytes()[..codes]);
    let error = |tensor: &QuantTensor| {
        let all = decoded::<T2>(tensor);
        let rows = all.chunks_exact(64).zip(weights.chunks_exact(64));
        rows.map(|(a, b)| mse(&a[..8], &b[..8])).sum::<f64>()
    };
    assert!(error(&weighted) < error(&plain));
}

/// Rows of very different scale in one string; outliers; rows of zeros.
#[test]
fn every_row_keeps_its_scale() {
    let shape = Shape::matrix(96, 64).expect("usable");
    let mut weights = normal(shape.elements());
    for (row, weights) in weights.chunks_exact_mut(64).enumerate() {
        let scale = [1.0, 0.0, 1e-3, 1e3][row % 4];
        for w in weights {
            *w *= scale;
        }
    }
    weights[3 * 64] = 3e38;
    let decoded = decoded::<T3>(&quantized::<T3>(&weights, shape, StepSearch::Mse));
    assert!(decoded.iter().all(|w| w.is_finite()));
    for (row, (a, b)) in weights.chunks_exact(64).zip(decoded.chunks_exact(64)).enumerate().skip(4) {
        let energy = a.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>() / 64.0;
        let relative = mse(a, b) / energy.max(f64::MIN_POSITIVE);
        assert!(if row % 4 == 3 { relative < 0.05 } else { relative < 2.5 }, "row {row}: {relative}");
    }
}
