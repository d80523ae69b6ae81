//! Every format: decode any bytes, multiply with them, encode the weights again and decode those.
//!
//! Byte 0 says which format, byte 1 how many rows (and whether to encode, which is slow), byte 2 how long they are; the
//! rest is the tensor.
#![no_main]

use domain_types::{CodecSet, QuantTensor, QuantizeRequest, Shape, TensorView};
use libfuzzer_sys::fuzz_target;
use quant_core::{Activations, Codecs, FormatEntry, QuantizeOptions, entries, quantizer};

fuzz_target!(|bytes: &[u8]| {
    let [which, rows, columns, data @ ..] = bytes else { return };
    let entry = &entries()[usize::from(*which) % entries().len()];
    let encodes = *rows >= 0xf0;
    let (rows, columns) = (usize::from(rows % 3) + 1, (usize::from(columns % 16) + 1) * 32);
    let format = entry.format();
    let Ok(shape) = Shape::matrix(rows, columns) else { return };
    let Ok(len) = format.byte_len(&shape) else { return };
    let mut data = data.to_vec();
    data.resize(len, 0x5a);
    let Ok(tensor) = QuantTensor::new(format, shape, data) else { return };
    let weights = decoded(tensor.view(), shape);
    multiply(&tensor, shape);
    if encodes && weights.iter().all(|w| w.is_finite()) {
        encode(entry, &weights, shape);
    }
});

fn decoded(view: TensorView<'_>, shape: Shape) -> Vec<f32> {
    let codecs = Codecs::new(Activations::F32);
    let codec = codecs.require(view.format()).expect("every entry has a codec");
    let mut weights = vec![0.0; shape.elements()];
    codec.decode(view, &mut weights).expect("the tensor has the right length");
    weights
}

/// Both kinds of activations. What comes out is anything, but it comes out.
fn multiply(tensor: &QuantTensor, shape: Shape) {
    for activations in [Activations::F32, Activations::Int8] {
        let codecs = Codecs::new(activations);
        let codec = codecs.require(tensor.format()).expect("every entry has a codec");
        let linear = codec.linear(tensor.clone()).expect("a matrix can be multiplied");
        let mut y = vec![0.0; shape.rows()];
        linear.matvec(&vec![0.5; shape.row_len()], &mut y);
        linear.matmul(&vec![0.5; 3 * shape.row_len()], 3, &mut vec![0.0; 3 * shape.rows()]);
    }
}

fn encode(entry: &FormatEntry, weights: &[f32], shape: Shape) {
    // Searches are slow, and long ones say no more than short ones.
    if !entry.can_encode() || weights.len() > 256 {
        return;
    }
    let quantizer = quantizer(entry.format().id(), &QuantizeOptions::default()).expect("it can encode");
    let request = QuantizeRequest::new(weights, shape).expect("the shape is that of the weights");
    let Ok(tensor) = quantizer.quantize(&request) else { return };
    let again = decoded(tensor.view(), shape);
    assert!(
        again.iter().all(|w| w.is_finite()),
        "{}: finite weights came back otherwise",
        entry.format().id()
    );
}
