//! A tokenizer.json of unknown origin.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model_store_fuzz::{Model, one_in, use_tokenizer};
use std::cell::RefCell;

thread_local! {
    static MODEL: RefCell<Model> = RefCell::new(Model::new());
}

fuzz_target!(|bytes: &[u8]| {
    let Some(model) = MODEL.with_borrow_mut(|model| model.with("tokenizer.json", bytes)) else { return };
    if one_in(1000, bytes) {
        use_tokenizer(&model);
    }
});
