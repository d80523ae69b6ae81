//! What a key–value cache gives back.

use core::fmt::Debug;

/// Rounds keys and values as a key–value cache in few bits stores them, so that a network can be trained for its cache
/// (LLM-QAT, Liu et al. 2023, arXiv 2305.17888).
pub trait KvRounding: Debug + Send + Sync {
    /// Replaces keys, positions × `head_dim` of one head or of several one after the other, by what the cache gives
    /// back. Numbers that are not finite make their position's numbers NaN.
    fn round_keys(&self, keys: &mut [f32], head_dim: usize);

    /// The same for values.
    fn round_values(&self, values: &mut [f32], head_dim: usize);
}
