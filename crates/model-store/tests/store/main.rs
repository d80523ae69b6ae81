//! What the crate promises, tested through its public interface.

mod cross_check;
mod gguf_py;
mod gguf_rejections;
mod gguf_round_trip;
mod hf_folder;
mod smollm2;
mod specification;
mod support;
mod tokenizers;
mod verification;
