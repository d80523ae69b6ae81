//! gguf-rs reads accepted headers as we do.

use crate::gguf_round_trip::{tensor, write};
use crate::support::{Draft, OURS, Q8_0, catalogue, golden, smollm2};
use domain_types::{Metadata, QuantFormat, RowRule};
use model_store::{GgufFile, StoreError};

#[test]
fn it_agrees_on_files_of_every_origin() {
    Draft::sound().open().unwrap().cross_check().unwrap();
    for name in ["sample.gguf", "llama.gguf", "spm.gguf"] {
        GgufFile::open(golden(name), &catalogue()).unwrap().cross_check().unwrap();
    }
    let tensors = [("a".into(), tensor(Q8_0, &[2, 32], 1)), ("b".into(), tensor(OURS, &[3, 288], 2))];
    let ours = GgufFile::from_bytes(write(Metadata::new(), &tensors), &catalogue()).unwrap();
    ours.cross_check().unwrap();
}

#[test]
fn it_agrees_on_the_real_model() {
    let Some(path) = smollm2() else { return };
    GgufFile::open(path, &catalogue()).unwrap().cross_check().unwrap();
}

#[test]
fn it_never_sees_types_that_it_panics_on() {
    let future = QuantFormat::new("future", 32, 18, RowRule::WholeBlocks).with_ggml_type(40);
    let catalogue = catalogue().with([future]).unwrap();
    let bytes = Draft::sound().only_tensor("t", &[32], 40, 0).bytes();
    let file = GgufFile::from_bytes(bytes, &catalogue).unwrap();
    assert!(matches!(file.cross_check(), Err(StoreError::Unsupported { .. })));
}
