//! gguf-py is the oracle: files that it wrote read as what it was given.

use crate::support::{catalogue, golden};
use domain_types::{MetaArray, MetaValue, TensorSource, scalar};
use model_store::GgufFile;

fn sample() -> GgufFile {
    GgufFile::open(golden("sample.gguf"), &catalogue()).unwrap()
}

#[test]
fn every_metadata_type_is_read() {
    let file = sample();
    let expected = [
        ("uint8", MetaValue::U8(200)),
        ("int8", MetaValue::I8(-100)),
        ("uint16", MetaValue::U16(60_000)),
        ("int16", MetaValue::I16(-30_000)),
        ("uint32", MetaValue::U32(4_000_000_000)),
        ("int32", MetaValue::I32(-2_000_000_000)),
        ("uint64", MetaValue::U64(1 << 63)),
        ("int64", MetaValue::I64(-(1 << 62))),
        ("float32", MetaValue::F32(0.1)),
        ("float64", MetaValue::F64(0.1)),
        ("bool", MetaValue::Bool(true)),
        ("string", MetaValue::String("naïve 東京".into())),
        ("strings", MetaValue::Array(MetaArray::String(vec!["a".into(), String::new(), "東".into()]))),
        ("ints", MetaValue::Array(MetaArray::I32(vec![1, -2, 3]))),
        ("floats", MetaValue::Array(MetaArray::F32(vec![0.5, -1.5]))),
        ("bools", MetaValue::Array(MetaArray::Bool(vec![true, false]))),
    ];
    for (name, value) in expected {
        assert_eq!(file.metadata().get(&format!("sample.{name}")), Some(&value), "{name}");
    }
}

#[test]
fn tensors_have_their_values_and_shapes() {
    let file = sample();
    let f32s = |name| -> Vec<f32> {
        let tensor = file.tensor(name).unwrap();
        assert_eq!(*tensor.format(), scalar::F32);
        tensor.bytes().as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect()
    };
    let ramp: Vec<f32> = (0..3 * 64).map(|i| i as f32 / 64.0 - 1.0).collect();
    assert_eq!(f32s("f32"), ramp);
    assert_eq!(f32s("cube"), (0..24).map(|i| i as f32).collect::<Vec<_>>());
    assert_eq!(file.info("cube").unwrap().shape.dims(), [2, 3, 4]);
    for (name, bytes) in [("f16", 384), ("bf16", 384), ("q8_0", 204), ("q4_1", 120)] {
        let tensor = file.tensor(name).unwrap();
        assert_eq!((tensor.format().id(), tensor.bytes().len()), (name, bytes));
        assert_eq!(tensor.shape().dims(), [3, 64]);
    }
    // BF16 is the upper half of F32, and every value of the ramp fits.
    let upper: Vec<u8> = ramp.iter().flat_map(|x| [x.to_le_bytes()[2], x.to_le_bytes()[3]]).collect();
    assert_eq!(file.tensor("bf16").unwrap().bytes()[..], upper);
}
