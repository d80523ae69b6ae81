//! The real model, where it is present.

use crate::support::{catalogue, smollm2};
use domain_types::testing::tensor_source_conformance;
use domain_types::{RopeScaling, RopeStyle, TensorSource};
use model_store::{GgufFile, GgufWriter, VerifyStatus, source_sha256, verify};

#[test]
fn it_is_a_sound_llama() {
    let Some(path) = smollm2() else { return };
    let file = GgufFile::open(&path, &catalogue()).unwrap();
    tensor_source_conformance(&file);
    let spec = file.spec().unwrap();
    assert_eq!((spec.layers, spec.width, spec.ffn_width, spec.vocab_size), (30, 576, 1536, 49_152));
    assert_eq!((spec.attention.heads, spec.attention.kv_heads, spec.attention.head_dim), (9, 3, 64));
    assert_eq!((spec.rope.base, spec.rope.style), (100_000.0, RopeStyle::Interleaved));
    assert_eq!(spec.rope.scaling, RopeScaling::None);
    assert!(spec.tied_embeddings && !spec.attention.qkv_bias && !spec.attention.qk_norm);
}

#[test]
fn a_copy_is_the_same_model_with_checksums() {
    let Some(path) = smollm2() else { return };
    let file = GgufFile::open(&path, &catalogue()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.gguf");
    let source = source_sha256(&path).unwrap();
    let mut writer =
        GgufWriter::create(&copy, file.metadata().clone(), file.tensors().to_vec(), Some(&source)).unwrap();
    for info in file.tensors() {
        writer.push(&info.name, &file.tensor(&info.name).unwrap()).unwrap();
    }
    writer.finish().unwrap();
    let copy = GgufFile::open(&copy, &catalogue()).unwrap();
    assert_eq!((copy.tensors(), copy.spec().unwrap()), (file.tensors(), file.spec().unwrap()));
    let report = verify(&copy).unwrap();
    assert_eq!((report.status, report.source_sha256), (VerifyStatus::Intact, Some(source)));
    assert_eq!(verify(&file).unwrap().status, VerifyStatus::NoHashesRecorded);
}
