//! A tokenizer.json of unknown origin.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model_store_fuzz::Folder;

thread_local! {
    static FOLDER: Folder = Folder::new();
}

fuzz_target!(|bytes: &[u8]| FOLDER.with(|folder| folder.open_with("tokenizer.json", bytes)));
