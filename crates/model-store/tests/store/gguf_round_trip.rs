//! What is written can be read: by us, and by gguf-py.

use crate::support::{OURS, Q4_1, Q8_0, catalogue};
use domain_types::{
    MetaArray, MetaValue, Metadata, QuantFormat, QuantTensor, Shape, TensorInfo, TensorSource, scalar,
};
use model_store::{GgufFile, GgufWriter, StoreError, planned_bytes};
use proptest::prelude::*;

pub(crate) fn infos(tensors: &[(String, QuantTensor)]) -> Vec<TensorInfo> {
    tensors.iter().map(|(n, t)| TensorInfo::new(n.as_str(), *t.format(), *t.shape()).unwrap()).collect()
}

pub(crate) fn write(metadata: Metadata, tensors: &[(String, QuantTensor)]) -> Vec<u8> {
    let mut writer = GgufWriter::in_memory(metadata, infos(tensors), None).unwrap();
    for (name, tensor) in tensors {
        writer.push(name, tensor).unwrap();
    }
    writer.finish().unwrap()
}

pub(crate) fn tensor(format: QuantFormat, dims: &[usize], seed: u8) -> QuantTensor {
    let shape = Shape::new(dims).unwrap();
    let len = format.byte_len(&shape).unwrap();
    let bytes: Vec<u8> = (0..len).map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed)).collect();
    QuantTensor::new(format, shape, bytes).unwrap()
}

fn value() -> impl Strategy<Value = MetaValue> {
    use MetaArray as A;
    let numbers = prop_oneof![
        any::<u8>().prop_map(MetaValue::U8),
        any::<i8>().prop_map(MetaValue::I8),
        any::<u16>().prop_map(MetaValue::U16),
        any::<i16>().prop_map(MetaValue::I16),
        any::<u32>().prop_map(MetaValue::U32),
        any::<i32>().prop_map(MetaValue::I32),
        any::<u64>().prop_map(MetaValue::U64),
        any::<i64>().prop_map(MetaValue::I64),
        any::<f32>().prop_map(MetaValue::F32),
        any::<f64>().prop_map(MetaValue::F64),
        any::<bool>().prop_map(MetaValue::Bool),
        ".{0,20}".prop_map(MetaValue::String),
    ];
    let arrays = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..9).prop_map(A::U8),
        prop::collection::vec(any::<i8>(), 0..9).prop_map(A::I8),
        prop::collection::vec(any::<u16>(), 0..9).prop_map(A::U16),
        prop::collection::vec(any::<i16>(), 0..9).prop_map(A::I16),
        prop::collection::vec(any::<u32>(), 0..9).prop_map(A::U32),
        prop::collection::vec(any::<i32>(), 0..9).prop_map(A::I32),
        prop::collection::vec(any::<u64>(), 0..9).prop_map(A::U64),
        prop::collection::vec(any::<i64>(), 0..9).prop_map(A::I64),
        prop::collection::vec(any::<f32>(), 0..9).prop_map(A::F32),
        prop::collection::vec(any::<f64>(), 0..9).prop_map(A::F64),
        prop::collection::vec(any::<bool>(), 0..9).prop_map(A::Bool),
        prop::collection::vec(".{0,9}", 0..9).prop_map(A::String),
    ];
    prop_oneof![numbers, arrays.prop_map(MetaValue::Array)]
}

fn tensors() -> impl Strategy<Value = Vec<(String, QuantTensor)>> {
    let formats = prop::sample::select(vec![scalar::F32, scalar::F16, scalar::I8, Q4_1, Q8_0, OURS]);
    let one = (formats, 1..4_usize, 1..4_usize, 1..3_usize, any::<u8>(), 1..4_usize);
    let one = one.prop_map(|(format, rows, blocks, outer, seed, dims)| {
        let row = format.row_multiple() * blocks;
        tensor(format, &[outer, rows, row][3 - dims..], seed)
    });
    prop::collection::vec(one, 0..6)
        .prop_map(|ts| ts.into_iter().enumerate().map(|(i, t)| (format!("blk.{i}.w"), t)).collect())
}

#[test]
fn a_file_has_the_planned_size() {
    let mut metadata = Metadata::new();
    metadata.set("general.name", "odd sizes");
    for count in 0..4_u8 {
        let tensors: Vec<_> =
            (0..count).map(|i| (format!("t{i}"), tensor(Q8_0, &[2 * usize::from(i) + 1, 32], i))).collect();
        let planned = planned_bytes(metadata.clone(), infos(&tensors), None).unwrap();
        assert_eq!(planned, write(metadata.clone(), &tensors).len() as u64, "{count} tensors");
    }
}

proptest! {
    #[test]
    fn anything_written_is_read_back(
        entries in prop::collection::btree_map("[a-z]{1,8}\\.[a-z]{1,8}", value(), 0..8),
        tensors in tensors(),
    ) {
        let mut metadata = Metadata::new();
        for (key, value) in &entries {
            metadata.set(key.clone(), value.clone());
        }
        let file = GgufFile::from_bytes(write(metadata, &tensors), &catalogue()).unwrap();
        for (key, value) in entries {
            // NaN payloads must survive as well, and NaN is not equal to itself.
            prop_assert_eq!(format!("{:?}", file.metadata().get(&key).unwrap()), format!("{value:?}"));
        }
        prop_assert_eq!(file.tensors(), infos(&tensors));
        for (name, tensor) in &tensors {
            let read = file.tensor(name).unwrap();
            prop_assert_eq!(read.bytes(), tensor.bytes());
        }
    }
}

#[test]
fn the_same_content_gives_the_same_bytes() {
    let tensors = [("t".to_owned(), tensor(OURS, &[3, 288], 1))];
    assert_eq!(write(Metadata::new(), &tensors), write(Metadata::new(), &tensors));
}

#[test]
fn stale_file_keys_are_replaced() {
    let mut metadata = Metadata::new();
    metadata.set("general.alignment", 64_u32);
    for key in ["pibit.tensor.names", "pibit.tensor.formats", "pibit.tensor.shapes", "pibit.tensor.sha256"] {
        metadata.set(key, vec!["gone".to_owned()]);
    }
    let file =
        GgufFile::from_bytes(write(metadata, &[("t".into(), tensor(Q8_0, &[2, 32], 1))]), &catalogue());
    let file = file.unwrap();
    assert!(file.metadata().get("general.alignment").is_none());
    assert!(file.metadata().get("pibit.tensor.names").is_none());
    assert_eq!(file.metadata().u64("general.quantization_version"), Some(2));
}

#[test]
fn the_writer_refuses_what_was_not_described() {
    let described =
        [("a".to_owned(), tensor(Q8_0, &[2, 32], 1)), ("b".to_owned(), tensor(OURS, &[2, 32], 1))];
    let start = || GgufWriter::in_memory(Metadata::new(), infos(&described), None).unwrap();
    let refused = |result: Result<(), StoreError>| matches!(result, Err(StoreError::Write { .. }));
    assert!(refused(start().push("b", &described[1].1)), "out of order");
    assert!(refused(start().push("a", &described[1].1)), "another format");
    assert!(refused(start().push("a", &tensor(Q8_0, &[4, 32], 1))), "another shape");
    assert!(matches!(start().finish(), Err(StoreError::Write { .. })), "tensors are missing");
    let mut writer = start();
    for (name, tensor) in &described {
        writer.push(name, tensor).unwrap();
    }
    assert!(refused(writer.push("c", &described[0].1)), "one too many");
}

#[test]
fn the_writer_refuses_what_the_reader_would() {
    let long = vec![("n".repeat(64), tensor(Q8_0, &[32], 1))];
    assert!(GgufWriter::in_memory(Metadata::new(), infos(&long), None).is_err());
    let twice = vec![("a".to_owned(), tensor(Q8_0, &[32], 1)); 2];
    assert!(GgufWriter::in_memory(Metadata::new(), infos(&twice), None).is_err());
}

#[test]
fn files_appear_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.gguf");
    let tensors = [("t".to_owned(), tensor(Q8_0, &[2, 32], 1))];
    let listing = || std::fs::read_dir(folder.path()).unwrap().count();
    std::fs::write(&path, "what was there before").unwrap();

    let mut writer = GgufWriter::create(&path, Metadata::new(), infos(&tensors), None).unwrap();
    writer.push("t", &tensors[0].1).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"what was there before");
    drop(writer);
    assert_eq!((std::fs::read(&path).unwrap(), listing()), (b"what was there before".to_vec(), 1));

    let mut writer = GgufWriter::create(&path, Metadata::new(), infos(&tensors), None).unwrap();
    writer.push("t", &tensors[0].1).unwrap();
    let report = writer.finish().unwrap();
    assert_eq!((std::fs::metadata(&path).unwrap().len(), listing()), (report.bytes, 1));
    assert_eq!(std::fs::read(&path).unwrap(), write(Metadata::new(), &tensors));

    let missing = folder.path().join("no such folder").join("out.gguf");
    assert!(matches!(GgufWriter::create(missing, Metadata::new(), vec![], None), Err(StoreError::Io { .. })));
    assert!(GgufWriter::create(folder.path(), Metadata::new(), vec![], None).is_err(), "a folder is no file");
}

#[cfg(unix)]
#[test]
fn written_files_have_ordinary_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (ours, plain) = (folder.path().join("a.gguf"), folder.path().join("b"));
    GgufWriter::create(&ours, Metadata::new(), vec![], None).unwrap().finish().unwrap();
    std::fs::write(&plain, "").unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&ours), mode(&plain));
}
