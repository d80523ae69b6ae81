//! One test per rule that the reader enforces.

use crate::gguf_round_trip::write;
use crate::support::{Draft, array, catalogue, strings, text};
use domain_types::{MetaValue, Opaque, TensorSource};
use model_store::{GgufFault, GgufFile, StoreError};

#[test]
fn a_sound_file_is_accepted() {
    let file = Draft::sound().open().unwrap();
    let info = &file.tensors()[0];
    assert_eq!((info.name.as_str(), info.format.id(), info.shape.dims()), ("t", "f32", [2, 4].as_slice()));
    assert_eq!(file.tensor("t").unwrap().bytes()[..], Draft::sound().data);
    assert_eq!(file.metadata().str("general.name"), Some("draft"));
}

#[test]
fn version_2_is_accepted() {
    assert_eq!(Draft { version: 2, ..Draft::sound() }.open().unwrap().version(), 2);
}

#[test]
fn wrong_magic() {
    assert_eq!(Draft { magic: *b"GGML", ..Draft::sound() }.fault(), GgufFault::Magic);
    let empty = GgufFile::from_bytes(Vec::new(), &catalogue()).unwrap_err();
    assert!(matches!(empty, StoreError::Gguf { fault: GgufFault::Magic, .. }));
}

#[test]
fn unsupported_version() {
    assert_eq!(Draft { version: 1, ..Draft::sound() }.fault(), GgufFault::Version(1));
    assert_eq!(Draft { version: 4, ..Draft::sound() }.fault(), GgufFault::Version(4));
}

#[test]
fn big_endian() {
    assert_eq!(Draft { version: 3_u32.swap_bytes(), ..Draft::sound() }.fault(), GgufFault::BigEndian);
}

#[test]
fn every_truncation() {
    let bytes = Draft::sound().bytes();
    for len in 0..bytes.len() {
        let cut = GgufFile::from_bytes(bytes[..len].to_vec(), &catalogue());
        assert!(matches!(cut, Err(StoreError::Gguf { .. })), "{len} of {} bytes", bytes.len());
    }
}

#[test]
fn too_many_tensors() {
    let fault = Draft { tensor_count: Some(10_000), ..Draft::sound() }.fault();
    assert_eq!(fault, GgufFault::TooManyTensors(10_000));
}

#[test]
fn too_many_keys() {
    assert_eq!(
        Draft { key_count: Some(u64::MAX), ..Draft::sound() }.fault(),
        GgufFault::TooManyKeys(u64::MAX)
    );
}

#[test]
fn metadata_over_its_budget() {
    // 2 MiB of empty strings in an array take 24 bytes each in memory: two such arrays break the budget.
    let many = array(8, 2 << 20, &vec![0; 8 * (2 << 20)]);
    let draft = Draft::sound().entry("a", 9, &many).entry("b", 9, &many);
    assert_eq!(draft.fault(), GgufFault::MetadataTooLarge);
}

#[test]
fn key_too_long() {
    assert_eq!(Draft::sound().entry(&"k".repeat(65_536), 7, &[1]).fault(), GgufFault::KeyLength(65_536));
}

#[test]
fn string_too_long() {
    let announced = (65_u64 << 20).to_le_bytes();
    assert_eq!(Draft::sound().entry("s", 8, &announced).fault(), GgufFault::StringLength(65 << 20));
    assert_eq!(Draft::sound().entry("s", 8, &[0xFF; 8]).fault(), GgufFault::StringLength(u64::MAX));
}

#[test]
fn string_past_the_end() {
    let fault = Draft::sound().entry("s", 8, &1_000_000_u64.to_le_bytes()).fault();
    assert!(matches!(fault, GgufFault::Truncated { .. }), "{fault}");
}

#[test]
fn array_too_long() {
    assert_eq!(
        Draft::sound().entry("a", 9, &array(0, 1 << 40, &[])).fault(),
        GgufFault::ArrayLength(1 << 40)
    );
}

#[test]
fn array_past_the_end() {
    for kind in [0, 3, 6, 7, 8, 12] {
        let fault = Draft::sound().entry("a", 9, &array(kind, 4 << 20, &[])).fault();
        let expected = matches!(
            fault,
            GgufFault::Truncated { .. } | GgufFault::StringLength(_) | GgufFault::Bool(_) | GgufFault::Utf8
        );
        assert!(expected, "elements of type {kind}: {fault}");
    }
}

#[test]
fn arrays_nested_too_deeply() {
    let mut deep = array(4, 1, &[1, 0, 0, 0]);
    for _ in 0..8 {
        deep = array(9, 1, &deep);
    }
    assert_eq!(Draft::sound().entry("a", 9, &deep).fault(), GgufFault::NestedArray);
}

/// Text in Latin-1 and arrays of arrays stay what they are, also in a copy of the file.
#[test]
fn what_nobody_reads_is_kept_as_it_is() {
    let latin1 = [&2_u64.to_le_bytes()[..], &[0xC3, 0x28]].concat();
    let nested = array(9, 2, &[array(4, 1, &[1, 0, 0, 0]), strings(&["a", "b"])].concat());
    let mixed = array(8, 2, &[text("a"), latin1.clone()].concat());
    let draft = Draft::sound().entry("n", 9, &nested).entry("l", 8, &latin1).entry("m", 9, &mixed);
    let file = draft.open().unwrap();
    for (key, kind, bytes) in [("n", 9, &nested), ("l", 8, &latin1), ("m", 9, &mixed)] {
        let expected = MetaValue::Opaque(Opaque { kind, bytes: bytes.clone() });
        assert_eq!(file.metadata().get(key), Some(&expected));
    }
    assert_eq!(file.metadata().str("l"), None, "nobody reads it");
    let tensors = [("t".to_owned(), file.tensor("t").unwrap())];
    let copy = GgufFile::from_bytes(write(file.metadata().clone(), &tensors), &catalogue()).unwrap();
    for key in ["n", "l", "m"] {
        assert_eq!(copy.metadata().get(key), file.metadata().get(key));
    }
    assert!(matches!(file.cross_check(), Err(StoreError::Unsupported { .. })));
}

/// Numbers count in every width that holds them.
#[test]
fn numbers_of_any_width() {
    let draft = Draft::sound()
        .entry("a", 12, &0.5_f64.to_le_bytes())
        .entry("b", 4, &3_u32.to_le_bytes())
        .entry("c", 12, &7.0_f64.to_le_bytes())
        .entry("d", 9, &array(12, 2, &[1.5_f64.to_le_bytes(), 2.0_f64.to_le_bytes()].concat()))
        .entry("e", 9, &array(5, 2, &[1_i32.to_le_bytes(), (-2_i32).to_le_bytes()].concat()))
        .entry("f", 6, &1.5_f32.to_le_bytes());
    let file = draft.open().unwrap();
    let metadata = file.metadata();
    assert_eq!((metadata.f32("a"), metadata.f32("b"), metadata.u64("c")), (Some(0.5), Some(3.0), Some(7)));
    let floats = |key: &str| metadata.get(key).and_then(MetaValue::as_f32s).map(|v| v.to_vec());
    assert_eq!((floats("d"), floats("e")), (Some(vec![1.5, 2.0]), Some(vec![1.0, -2.0])));
    assert_eq!(metadata.u64("f"), None, "no whole number");
}

#[test]
fn unknown_value_type() {
    assert_eq!(Draft::sound().entry("v", 13, &[0; 8]).fault(), GgufFault::ValueType(13));
    assert_eq!(Draft::sound().entry("v", 9, &array(99, 1, &[0; 8])).fault(), GgufFault::ValueType(99));
}

#[test]
fn truth_value_of_two() {
    assert_eq!(Draft::sound().entry("b", 7, &[2]).fault(), GgufFault::Bool(2));
}

#[test]
fn keys_that_are_not_utf8() {
    let mut draft = Draft::sound();
    let key = [&2_u64.to_le_bytes()[..], &[0xC3, 0x28]].concat();
    draft.entries.push([&key[..], &4_u32.to_le_bytes(), &1_u32.to_le_bytes()].concat());
    assert_eq!(draft.fault(), GgufFault::Utf8);
}

#[test]
fn duplicate_key() {
    let fault = Draft::sound().entry("general.name", 8, &text("again")).fault();
    assert_eq!(fault, GgufFault::DuplicateKey("general.name".into()));
}

#[test]
fn unusable_alignment() {
    for bad in [0_u32, 4, 48, 1 << 17] {
        let draft = Draft::sound().entry("general.alignment", 4, &bad.to_le_bytes());
        assert_eq!(draft.fault(), GgufFault::Alignment, "{bad}");
    }
    let wide = Draft::sound().entry("general.alignment", 10, &[32, 0, 0, 0, 0, 0, 0, 0]);
    assert!(wide.open().is_ok(), "another width");
}

#[test]
fn another_alignment_is_honoured() {
    let draft =
        Draft { alignment: 256, ..Draft::sound() }.entry("general.alignment", 4, &256_u32.to_le_bytes());
    assert_eq!(draft.open().unwrap().tensor("t").unwrap().bytes()[..], draft.data);
}

#[test]
fn tensor_name_of_unusable_length() {
    let long = "n".repeat(64);
    assert_eq!(Draft::sound().only_tensor(&long, &[8], 0, 0).fault(), GgufFault::NameLength(64));
    assert_eq!(Draft::sound().only_tensor("", &[8], 0, 0).fault(), GgufFault::NameLength(0));
}

#[test]
fn duplicate_tensor() {
    let draft = Draft { data: vec![0; 64], ..Draft::sound() }.tensor("t", &[4, 2], 0, 32);
    assert_eq!(draft.fault(), GgufFault::DuplicateTensor("t".into()));
}

#[test]
fn unusable_dimensions() {
    let cases: [&[u64]; 6] = [&[], &[1; 5], &[4, 0], &[u64::MAX, 2], &[1 << 40, 1 << 40], &[1 << 62]];
    for dims in cases {
        let fault = Draft::sound().only_tensor("t", dims, 0, 0).fault();
        assert!(matches!(fault, GgufFault::Shape { .. }), "{dims:?}: {fault}");
    }
}

#[test]
fn row_that_the_format_cannot_hold() {
    let fault = Draft::sound().only_tensor("t", &[31, 2], 3, 0).fault();
    assert!(
        matches!(&fault, GgufFault::Shape { reason, .. } if reason.contains("multiple of 32")),
        "{fault}"
    );
}

#[test]
fn unknown_tensor_type() {
    for kind in [4, 40, 41, u32::MAX] {
        let fault = Draft::sound().only_tensor("t", &[32], kind, 0).fault();
        assert_eq!(fault, GgufFault::UnknownType { name: "t".into(), ggml_type: kind });
    }
}

#[test]
fn misaligned_tensor() {
    let fault = Draft::sound().only_tensor("t", &[4], 0, 8).fault();
    assert_eq!(fault, GgufFault::Misaligned { name: "t".into(), offset: 8, alignment: 32 });
}

#[test]
fn tensor_outside_the_file() {
    for (dims, offset) in [(9, 0), (8, 32), (8, u64::MAX - 31), (1 << 50, 0)] {
        let fault = Draft::sound().only_tensor("t", &[dims], 0, offset).fault();
        assert!(matches!(fault, GgufFault::OutsideFile { .. }), "{dims} at {offset}: {fault}");
    }
}

#[test]
fn overlapping_tensors() {
    let draft = Draft { data: vec![0; 96], ..Draft::sound() };
    let draft = draft.only_tensor("b", &[4], 0, 32).tensor("a", &[16], 0, 0);
    assert_eq!(draft.fault(), GgufFault::Overlap("a".into(), "b".into()));
}

/// An I8 tensor of 14×3 bytes recorded as three rows of 32 weights.
fn payload(names: &[&str], formats: &[&str], shapes: &[&str]) -> Draft {
    let draft = Draft { data: vec![7; 42], ..Draft::sound() }.only_tensor("w", &[14, 3], 24, 0);
    let draft = draft.entry("pibit.tensor.names", 9, &strings(names));
    let draft = draft.entry("pibit.tensor.formats", 9, &strings(formats));
    draft.entry("pibit.tensor.shapes", 9, &strings(shapes))
}

#[test]
fn a_sound_payload_is_restored() {
    let file = payload(&["w"], &["piq3"], &["3x32"]).open().unwrap();
    let tensor = file.tensor("w").unwrap();
    assert_eq!((tensor.format().id(), tensor.shape().dims()), ("piq3", [3, 32].as_slice()));
}

#[test]
fn unsound_payloads() {
    let cases = [
        payload(&["x"], &["piq3"], &["3x32"]),
        payload(&["w", "w"], &["piq3", "piq3"], &["3x32", "3x32"]),
        payload(&["w"], &["piq9"], &["3x32"]),
        payload(&["w"], &["piq3"], &["3x33"]),
        payload(&["w"], &["piq3"], &["3x64"]),
        payload(&["w"], &["piq3"], &["4x32"]),
        payload(&["w"], &["piq3"], &["3x"]),
        payload(&["w"], &["piq3"], &["1x1x1x3x32"]),
        payload(&["w"], &["piq3"], &[]),
        payload(&["w"], &[], &["3x32"]),
    ];
    for (i, draft) in cases.iter().enumerate() {
        assert!(matches!(draft.fault(), GgufFault::Payload(_)), "case {i}: {}", draft.fault());
    }
    let lone = Draft::sound().entry("pibit.tensor.names", 9, &strings(&["t"]));
    assert!(matches!(lone.fault(), GgufFault::Payload(_)));
    let number = Draft::sound().entry("pibit.tensor.names", 4, &[0; 4]);
    assert!(matches!(number.fault(), GgufFault::Payload(_)));
}
