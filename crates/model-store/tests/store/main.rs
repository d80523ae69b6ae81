//! What the crate promises, tested through its public interface.

mod gguf_rejections;
mod gguf_round_trip;
mod smollm2;
mod support;
mod verification;
