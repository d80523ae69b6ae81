//! Conformance suites, one per port, and small in-memory implementations to test contexts without each other.
//!
//! A suite is a function that panics where an implementation breaks the port's contract. Call it from a test of the
//! implementing crate.

mod codec_suite;
mod defined_rotation;
mod dense;
mod event_suite;
mod expert_suite;
mod memory_experts;
mod memory_source;
mod model_suite;
mod pattern_suite;
mod precision_suite;
mod quantizer_suite;
mod source_suite;
mod tokenizer_suite;

pub use codec_suite::{linear_conformance, weight_codec_conformance};
pub use defined_rotation::{DefinedRotation, orthogonal_transform_conformance};
pub use dense::{DenseCodecs, DenseLinear};
pub use event_suite::{CollectingSink, clock_conformance, event_sink_conformance, sample_events};
pub use expert_suite::{expert_provider_conformance, expert_router_conformance, expert_store_conformance};
pub use memory_experts::MemoryExperts;
pub use memory_source::MemorySource;
pub use model_suite::token_model_conformance;
pub use pattern_suite::word_pattern_conformance;
pub use precision_suite::precision_control_conformance;
pub use quantizer_suite::quantizer_conformance;
pub use source_suite::tensor_source_conformance;
pub use tokenizer_suite::tokenizer_conformance;

use alloc::vec::Vec;

/// Reproducible numbers that look like weights: roughly normal, unit variance (sum of 12 uniforms, minus 6).
pub fn gaussian_like(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut uniform = || {
        // SplitMix64 (Steele et al. 2014).
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1_u64 << 24) as f32
    };
    (0..n).map(|_| (0..12).map(|_| uniform()).sum::<f32>() - 6.0).collect()
}
