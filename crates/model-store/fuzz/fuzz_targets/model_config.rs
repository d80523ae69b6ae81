//! A config.json of unknown origin.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model_store_fuzz::Model;
use std::cell::RefCell;

thread_local! {
    static MODEL: RefCell<Model> = RefCell::new(Model::without_tokenizer());
}

fuzz_target!(|bytes: &[u8]| {
    MODEL.with_borrow_mut(|model| model.with("config.json", bytes));
});
