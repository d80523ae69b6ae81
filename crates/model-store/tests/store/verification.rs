//! Checksums find every change, and say where.

use crate::gguf_round_trip::{infos, tensor, write};
use crate::support::{Draft, OURS, Q8_0, catalogue};
use domain_types::{Metadata, QuantTensor, TensorSource};
use model_store::{Check, GgufFile, GgufWriter, VerifyStatus, sha256_file, source_sha256, verify};

fn model() -> (Metadata, Vec<(String, QuantTensor)>) {
    let mut metadata = Metadata::new();
    metadata.set("general.name", "sample");
    (metadata, vec![("a".into(), tensor(Q8_0, &[2, 32], 1)), ("b".into(), tensor(OURS, &[3, 288], 2))])
}

fn status(bytes: Vec<u8>) -> Option<VerifyStatus> {
    GgufFile::from_bytes(bytes, &catalogue()).ok().map(|file| verify(&file).unwrap().status)
}

#[test]
fn a_file_as_written_is_intact() {
    let (metadata, tensors) = model();
    let mut writer = GgufWriter::in_memory(metadata, infos(&tensors), Some(&"ab".repeat(32))).unwrap();
    for (name, tensor) in &tensors {
        writer.push(name, tensor).unwrap();
    }
    let file = GgufFile::from_bytes(writer.finish().unwrap(), &catalogue()).unwrap();
    let report = verify(&file).unwrap();
    assert_eq!((report.status, report.config), (VerifyStatus::Intact, Check::Intact));
    assert_eq!(report.source_sha256, Some("ab".repeat(32)));
    assert_eq!(report.version.as_deref(), Some(env!("CARGO_PKG_VERSION")));
    assert_eq!(report.tensors.len(), 2);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["tensors"][1]["check"], "intact");
}

#[test]
fn the_recorded_hash_is_that_of_the_bytes() {
    // SHA-256 of "abc" (FIPS 180-2, appendix B.1).
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("abc.json");
    std::fs::write(&path, "abc").unwrap();
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sha256_file(&path).unwrap(), abc);
    assert_eq!(source_sha256(&path).unwrap(), abc);
    // `printf '%s  abc.json\n' HASH | sha256sum`
    let folder_hash = "c22dc9b679570a06aeaa370ee6414358f1e3631980483a2fa9062dd38ef197c1";
    assert_eq!(source_sha256(folder.path()).unwrap(), folder_hash);
}

#[test]
fn every_changed_byte_is_found() {
    let (metadata, tensors) = model();
    let bytes = write(metadata, &tensors);
    let file = GgufFile::from_bytes(bytes.clone(), &catalogue()).unwrap();
    let used: Vec<_> = file.tensors().iter().map(|t| file.byte_range(&t.name).unwrap()).collect();
    let header = file.header().len();
    for at in 0..bytes.len() {
        let padding = at >= header && !used.iter().any(|range| range.contains(&at));
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        // The version word alone may change from 3 to 2 and stay a readable file of the same meaning.
        if !padding && at != 4 {
            assert_ne!(status(changed), Some(VerifyStatus::Intact), "byte {at}");
        }
    }
}

#[test]
fn a_damaged_tensor_is_named() {
    let (metadata, tensors) = model();
    let mut bytes = write(metadata, &tensors);
    let at = GgufFile::from_bytes(bytes.clone(), &catalogue()).unwrap().byte_range("b").unwrap().start;
    bytes[at + 5] ^= 0x40;
    let report = verify(&GgufFile::from_bytes(bytes, &catalogue()).unwrap()).unwrap();
    let checks: Vec<_> = report.tensors.iter().map(|t| (t.name.as_str(), t.check)).collect();
    assert_eq!(checks, [("a", Check::Intact), ("b", Check::Mismatch)]);
    assert_eq!((report.status, report.config), (VerifyStatus::Damaged, Check::Intact));
}

#[test]
fn a_file_of_others_has_no_hashes() {
    let report = verify(&Draft::sound().open().unwrap()).unwrap();
    assert_eq!(report.status, VerifyStatus::NoHashesRecorded);
    assert_eq!(report.tensors[0].check, Check::NotRecorded);
}
