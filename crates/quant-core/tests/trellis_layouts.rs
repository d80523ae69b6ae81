//! The file layout of trellis codes, pinned by matrices that an independent decoder in numpy has read from the tables
//! printed in docs/formats.md (`golden/make_trellis_layouts.py`). A failure here means that files written earlier can
//! no longer be read.

use domain_types::{CodecSet, QuantTensor, Shape};
use quant_core::{Codecs, catalogue};

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hexadecimal"))
        .collect()
}

fn check(line: &str) {
    let [name, rows, columns, matrix, weights] = line.split(' ').collect::<Vec<_>>()[..] else {
        panic!("five columns")
    };
    let (rows, columns): (usize, usize) = (rows.parse().expect("rows"), columns.parse().expect("columns"));
    let expected: Vec<f32> =
        unhex(weights).as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let format = *catalogue().by_id(name).expect("a format of ours");
    let shape = Shape::matrix(rows, columns).expect("usable");
    let tensor = QuantTensor::new(format, shape, unhex(matrix)).expect("the documented size");
    let mut decoded = vec![f32::NAN; rows * columns];
    Codecs::default()
        .require(&format)
        .expect("registered")
        .decode(tensor.view(), &mut decoded)
        .expect("decodes");
    let places = (0..rows).map(|row| decoded[row * columns + 7 * row % columns]);
    assert_eq!(places.collect::<Vec<_>>(), expected, "{name}, {rows} × {columns}");
}

#[test]
fn matrices_decode_as_documented() {
    let lines: Vec<_> = include_str!("golden/trellis_layouts.txt").lines().collect();
    assert_eq!(lines.len(), 9 * 2, "every format and shape");
    lines.into_iter().for_each(check);
}
