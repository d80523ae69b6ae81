//! Suite for [`Quantizer`].

use super::gaussian_like;
use crate::{QuantizeRequest, Quantizer, Shape, WeightCodec};
use alloc::vec;

/// Quantizes matrices of several row lengths and decodes them again: same format and shape, repeatable bytes, finite
/// values, a relative error below `max_relative_mse` on normal data, zeros to zeros.
pub fn quantizer_conformance(quantizer: &dyn Quantizer, codec: &dyn WeightCodec, max_relative_mse: f64) {
    let format = quantizer.format();
    assert_eq!(format, codec.format(), "quantizer and codec must belong together");
    let multiple = format.row_multiple();
    for row_len in [multiple, format.block_len(), format.block_len() * 2 + multiple % format.block_len()] {
        let shape = Shape::matrix(3 * format.row_group(), row_len).expect("usable");
        let weights = gaussian_like(row_len as u64, shape.elements());
        let request = QuantizeRequest::new(&weights, shape).expect("finite");
        let tensor = quantizer.quantize(&request).expect("rows fit");
        assert_eq!((*tensor.format(), *tensor.shape()), (format, shape));
        let again = quantizer.quantize(&request).expect("rows fit");
        assert_eq!(tensor.bytes(), again.bytes(), "the same request must give the same bytes");
        let mut decoded = vec![f32::NAN; shape.elements()];
        codec.decode(tensor.view(), &mut decoded).expect("own bytes decode");
        let error: f64 = weights.iter().zip(&decoded).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        let energy: f64 = weights.iter().map(|a| f64::from(*a).powi(2)).sum();
        assert!(error <= max_relative_mse * energy, "{format}, rows of {row_len}: {}", error / energy);
    }
    edge_cases(quantizer, codec);
}

fn edge_cases(quantizer: &dyn Quantizer, codec: &dyn WeightCodec) {
    let format = quantizer.format();
    let shape = Shape::matrix(2 * format.row_group(), format.block_len()).expect("usable");
    for value in [0.0_f32, 1e-30, -1e-30, 1e4, -1e4] {
        let weights = vec![value; shape.elements()];
        let tensor =
            quantizer.quantize(&QuantizeRequest::new(&weights, shape).expect("finite")).expect("fits");
        let mut decoded = vec![f32::NAN; shape.elements()];
        codec.decode(tensor.view(), &mut decoded).expect("own bytes decode");
        assert!(decoded.iter().all(|x| x.is_finite()), "{format}: constant {value} must stay finite");
        assert!(value != 0.0 || decoded.iter().all(|&x| x == 0.0), "{format}: zeros must stay zeros");
    }
    if format.row_multiple() > 1 {
        let shape = Shape::matrix(format.row_group(), format.row_multiple() + 1).expect("usable");
        let weights = gaussian_like(1, shape.elements());
        let request = QuantizeRequest::new(&weights, shape).expect("finite");
        quantizer.quantize(&request).expect_err("a row that does not fit is an error");
    }
}
