//! Decoders of ggml's formats against the PyPI package `gguf`, bit for bit. `golden/make_ggml.py` made the files.

use domain_types::testing::weight_codec_conformance;
use domain_types::{CodecSet, QuantFormat, QuantTensor, Shape};
use quant_core::{Codecs, entries};

/// A matrix of random blocks and its weights according to `gguf`.
fn golden(format: QuantFormat) -> (QuantTensor, Vec<f32>) {
    let path = format!("tests/golden/ggml/{format}.bin");
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}; run golden/make_ggml.py"));
    let blocks = bytes.len() / (format.block_bytes() + 4 * format.block_len());
    let (packed, weights) = bytes.split_at(blocks * format.block_bytes());
    let shape = Shape::matrix(blocks, format.block_len()).unwrap();
    let weights = weights.as_chunks().0.iter().map(|w| f32::from_le_bytes(*w)).collect();
    (QuantTensor::new(format, shape, packed.to_vec()).unwrap(), weights)
}

/// The quantized formats that ggml knows.
fn ggml_formats() -> impl Iterator<Item = QuantFormat> {
    entries()
        .iter()
        .map(quant_core::FormatEntry::format)
        .filter(|f| f.ggml_type().is_some() && f.block_len() > 1)
}

#[test]
fn every_weight_has_the_bits_that_gguf_gives_it() {
    assert_eq!(ggml_formats().count(), 21);
    for format in ggml_formats() {
        let (tensor, expected) = golden(format);
        let mut decoded = vec![f32::NAN; expected.len()];
        Codecs::default().require(&format).unwrap().decode(tensor.view(), &mut decoded).unwrap();
        for (at, (decoded, expected)) in decoded.iter().zip(&expected).enumerate() {
            assert_eq!(
                decoded.to_bits(),
                expected.to_bits(),
                "{format}, weight {at}: {decoded}, not {expected}"
            );
        }
    }
}

#[test]
fn random_blocks_pass_the_conformance_suite() {
    // Blocks with a scale of 65504 overflow the products that the suite compares.
    for format in ggml_formats() {
        let (tensor, weights) = golden(format);
        let usable = weights.chunks(format.block_len()).zip(tensor.bytes().chunks(format.block_bytes()));
        let blocks: Vec<&[u8]> =
            usable.filter(|(w, _)| w.iter().all(|w| w.abs() < 1e4)).map(|(_, block)| block).collect();
        let shape = Shape::matrix(blocks.len(), format.block_len()).unwrap();
        let tensor = QuantTensor::new(format, shape, blocks.concat()).unwrap();
        weight_codec_conformance(Codecs::default().require(&format).unwrap(), &tensor);
    }
}
