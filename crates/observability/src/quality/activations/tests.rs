use super::*;
use domain_types::testing::{DenseCodecs, gaussian_like, weight_codec_conformance};
use domain_types::{CodecSet, Linear, QuantTensor, Shape, scalar};

/// A layer that gives the sum of its 64 inputs, twice.
fn sums() -> (Box<dyn Linear>, ActivationWatch) {
    let codecs = WatchedCodecs::new(Arc::new(DenseCodecs), [scalar::F32]);
    let ones: Vec<u8> = (0..128).flat_map(|_| 1.0_f32.to_le_bytes()).collect();
    let tensor = QuantTensor::new(scalar::F32, Shape::matrix(2, 64).unwrap(), ones).unwrap();
    (codecs.require(&scalar::F32).unwrap().linear(tensor).unwrap(), codecs.watch())
}

#[test]
fn the_codec_is_the_one_that_is_watched() {
    let codecs = WatchedCodecs::new(Arc::new(DenseCodecs), [scalar::F32, scalar::F32, scalar::F16]);
    let bytes: Vec<u8> = gaussian_like(7, 96).into_iter().flat_map(f32::to_le_bytes).collect();
    let tensor = QuantTensor::new(scalar::F32, Shape::matrix(3, 32).unwrap(), bytes).unwrap();
    weight_codec_conformance(codecs.require(&scalar::F32).unwrap(), &tensor);
    assert!(codecs.codec(&scalar::BF16).is_none(), "it was not named");
}

#[test]
fn outliers_are_far_from_the_others_of_their_row() {
    let (layer, watch) = sums();
    let mut x = gaussian_like(1, 128);
    layer.matmul(&x, 2, &mut [0.0; 4]);
    assert_eq!(
        watch.counts(),
        ActivationCounts { inputs: 128, outliers: 0, outputs: 4, saturated: 0 },
        "sums of twelve uniforms stay within six"
    );
    // In a row of 64 the root mean square is at least an eighth of the largest value: 6/8 of it is the limit.
    (x[3], x[64 + 60]) = (100.0, -100.0);
    layer.matmul(&x, 2, &mut [0.0; 4]);
    assert_eq!(watch.counts().outliers, 2);
    // A row of large values has none: what counts is the row.
    layer.matvec(&[100.0; 64], &mut [0.0; 2]);
    assert_eq!(watch.counts().outliers, 2);
}

#[test]
fn outputs_beyond_f16_are_saturated_and_so_is_nan() {
    let (layer, watch) = sums();
    layer.matvec(&[1023.5; 64], &mut [0.0; 2]); // 65,504
    assert_eq!(watch.counts().shares().unwrap().saturation, 0.0);
    let before = watch.counts();
    layer.matvec(&[-1024.0; 64], &mut [0.0; 2]);
    layer.matvec(&[f32::NAN; 64], &mut [0.0; 2]);
    assert_eq!(watch.counts().since(before).shares().unwrap().saturation, 1.0);
    assert_eq!(ActivationCounts::default().shares(), None);
}
