//! GGUF: parse, visit everything, write it again, read that, compare.
#![no_main]

use domain_types::TensorSource;
use libfuzzer_sys::fuzz_target;
use model_store::{GgufFile, GgufWriter, verify};
use model_store_fuzz::{catalogue, one_in, use_tokenizer, visit};

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = GgufFile::from_bytes(bytes.to_vec(), &catalogue()) else { return };
    visit(&file);
    let _ = verify(&file);
    if one_in(1000, bytes) {
        use_tokenizer(&file);
    }
    let Ok(mut writer) = GgufWriter::in_memory(file.metadata().clone(), file.tensors().to_vec(), None) else {
        return;
    };
    for info in file.tensors() {
        let tensor = file.tensor(&info.name).expect("it was read before");
        if writer.push(&info.name, &tensor).is_err() {
            return;
        }
    }
    let again = writer.finish().expect("all tensors were written");
    let again = GgufFile::from_bytes(again, &catalogue()).expect("what we write can be read");
    assert_eq!(again.tensors(), file.tensors());
    for info in file.tensors() {
        let [new, old] = [&again, &file].map(|f| f.tensor(&info.name).expect("it is listed"));
        assert!(*new.bytes() == **old.bytes(), "{} changed", info.name);
    }
});
