//! config.json under GGUF keys.

use super::Config;
use crate::StoreError;
use crate::hf::family::Family;
use domain_types::{MetaValue, Metadata};

impl Config {
    /// Writes the network's description under GGUF keys.
    pub(in crate::hf) fn describe(&self, family: Family, metadata: &mut Metadata) -> Result<(), StoreError> {
        let architecture = family.architecture();
        metadata.set("general.architecture", architecture);
        metadata.set("general.type", "model");
        let gemma = family == Family::Gemma3;
        let head_dim = self.head_dim(family);
        let mut set = |key: &str, value: MetaValue| metadata.set(format!("{architecture}.{key}"), value);
        set("block_count", self.num_hidden_layers.into());
        set("embedding_length", self.hidden_size.into());
        set("feed_forward_length", self.intermediate_size.into());
        set(
            "context_length",
            self.max_position_embeddings.unwrap_or(if gemma { 131_072 } else { 2048 }).into(),
        );
        set("attention.head_count", self.heads().into());
        set("attention.head_count_kv", self.kv_heads(family).into());
        set("attention.layer_norm_rms_epsilon", self.rms_norm_eps.unwrap_or(1e-6).into());
        set("attention.key_length", head_dim.into());
        set("attention.value_length", head_dim.into());
        set("rope.dimension_count", head_dim.into());
        set("rope.freq_base", self.rope.rope_theta.unwrap_or(if gemma { 1e6 } else { 1e4 }).into());
        if let Some(cap) = self.final_logit_softcapping {
            set("final_logit_softcapping", cap.into());
        }
        if gemma {
            self.describe_windows(&mut set)?;
        }
        self.describe_rope_scaling(&mut set)
    }

    fn describe_windows(&self, set: &mut impl FnMut(&str, MetaValue)) -> Result<(), StoreError> {
        let pattern = match &self.layer_types {
            Some(types) => window_pattern(types)?,
            None => self.sliding_window_pattern.unwrap_or(6),
        };
        if let (Some(window), true) = (self.sliding_window, pattern > 1) {
            set("attention.sliding_window", window.into());
            set("attention.sliding_window_pattern", pattern.into());
            set("rope.freq_base_swa", self.rope_local_base_freq.unwrap_or(10_000.0).into());
        }
        Ok(())
    }

    fn describe_rope_scaling(&self, set: &mut impl FnMut(&str, MetaValue)) -> Result<(), StoreError> {
        let missing = |field: &str| StoreError::missing(format!("rope_scaling.{field}"));
        let kind = self.rope.rope_type.as_deref().unwrap_or("default");
        match kind {
            "default" | "llama3" => return Ok(()), // llama3 becomes the tensor rope_freqs.weight
            "linear" => {}
            "yarn" => {
                let original = self.rope.original_max_position_embeddings.or(self.max_position_embeddings);
                let original = original.ok_or_else(|| missing("original_max_position_embeddings"))?;
                set("rope.scaling.original_context_length", original.into());
            }
            other => {
                return Err(StoreError::Unsupported {
                    what: format!("RoPE scaling `{other}`"),
                    instead: "default, linear, yarn and llama3 are".into(),
                });
            }
        }
        set("rope.scaling.type", kind.into());
        set("rope.scaling.factor", self.rope.factor.ok_or_else(|| missing("factor"))?.into());
        Ok(())
    }
}

/// The period at which global layers come, which must be the same throughout.
fn window_pattern(types: &[String]) -> Result<u32, StoreError> {
    let global = |kind: &String| kind == "full_attention";
    let pattern = types.iter().position(global).map_or(types.len() + 1, |at| at + 1);
    let regular = types.iter().enumerate().all(|(i, kind)| global(kind) == (i + 1).is_multiple_of(pattern));
    if regular {
        return Ok(pattern as u32);
    }
    let instead = "global layers must come at a fixed period".into();
    Err(StoreError::Unsupported { what: "this order of layer_types".into(), instead })
}
