//! Position embedding in config.json.

use serde::Deserialize;

/// Position embedding, from whichever of its places in config.json.
#[derive(Debug, Clone, Default, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of config.json")]
pub(in crate::hf) struct Rope {
    pub(in crate::hf) rope_theta: Option<f32>,
    #[serde(alias = "type")]
    pub(in crate::hf) rope_type: Option<String>,
    pub(in crate::hf) factor: Option<f32>,
    pub(in crate::hf) low_freq_factor: Option<f32>,
    pub(in crate::hf) high_freq_factor: Option<f32>,
    pub(in crate::hf) original_max_position_embeddings: Option<u32>,
}
