//! The file layout of our own formats, pinned by blocks that an independent decoder in numpy has read
//! (`golden/make_own_layouts.py`). A failure here means that files written earlier can no longer be read.

use domain_types::{CodecSet, QuantTensor, Shape};
use quant_core::{Codecs, catalogue};

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hexadecimal"))
        .collect()
}

fn check(line: &str) {
    let [name, block, weights] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("three columns") };
    let expected: Vec<f32> =
        unhex(weights).as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let format = *catalogue().by_id(name).expect("a format of ours");
    let shape = Shape::matrix(1, expected.len()).expect("usable");
    let tensor = QuantTensor::new(format, shape, unhex(block)).expect("the documented size");
    let mut decoded = vec![f32::NAN; expected.len()];
    Codecs::default()
        .require(&format)
        .expect("registered")
        .decode(tensor.view(), &mut decoded)
        .expect("decodes");
    assert_eq!(decoded, expected, "{name}, block of {}", expected.len());
}

#[test]
fn blocks_decode_as_documented() {
    let lines: Vec<_> = include_str!("golden/own_layouts.txt").lines().collect();
    assert_eq!(lines.len(), 5 * 6 + 3 * 2 + 3 + 2 * 3, "every format and tail length");
    lines.into_iter().for_each(check);
}
