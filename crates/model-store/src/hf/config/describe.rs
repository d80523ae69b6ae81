//! config.json under GGUF keys.

use super::{Config, RopeKind};
use crate::hf::family::Family;
use crate::spec::rope::yarn_magnitude;
use domain_types::{MetaValue, Metadata, Yarn};

impl Config {
    /// Writes the network's description under GGUF keys.
    pub(in crate::hf) fn describe(&self, family: Family, metadata: &mut Metadata) {
        let architecture = family.architecture;
        metadata.set("general.architecture", architecture);
        metadata.set("general.type", "model");
        let head_dim = self.head_dim(family);
        let mut set = |key: &str, value: MetaValue| metadata.set(format!("{architecture}.{key}"), value);
        set("block_count", self.num_hidden_layers.into());
        set("embedding_length", self.hidden_size.into());
        set("feed_forward_length", self.intermediate_size.into());
        set("context_length", self.context_length(family).into());
        set("attention.head_count", self.heads(family).into());
        set("attention.head_count_kv", self.kv_heads(family).into());
        set("attention.layer_norm_rms_epsilon", self.rms_norm_eps.unwrap_or(1e-6).into());
        set("attention.key_length", head_dim.into());
        set("attention.value_length", head_dim.into());
        set("rope.dimension_count", head_dim.into());
        set("rope.freq_base", self.rope().theta.into());
        if let Some(cap) = self.final_logit_softcapping {
            set("final_logit_softcapping", cap.into());
        }
        let scale = self.attention_scale(family);
        if family.gemma && scale != 1.0 / (head_dim as f32).sqrt() {
            set("attention.scale", scale.into());
        }
        self.describe_windows(family, &mut set);
        describe_rope_scaling(&self.rope().kind, &mut set);
    }

    fn describe_windows(&self, family: Family, set: &mut impl FnMut(&str, MetaValue)) {
        let Some(windows) = self.windows else { return };
        set("attention.sliding_window", (windows.size as u32).into());
        set("attention.sliding_window_pattern", (windows.pattern as u32).into());
        if family.gemma {
            set("rope.freq_base_swa", self.rope().local_theta.into());
        }
    }
}

fn describe_rope_scaling(kind: &RopeKind, set: &mut impl FnMut(&str, MetaValue)) {
    match kind {
        RopeKind::Default | RopeKind::Llama3(_) => {} // llama3 becomes the tensor rope_freqs.weight
        RopeKind::Linear(factor) => {
            set("rope.scaling.type", "linear".into());
            set("rope.scaling.factor", (*factor).into());
        }
        RopeKind::Yarn(yarn) => describe_yarn(yarn, set),
    }
}

/// As llama.cpp reads it: what differs from the paper's values, and the magnitude relative to the factor's.
fn describe_yarn(yarn: &Yarn, set: &mut impl FnMut(&str, MetaValue)) {
    set("rope.scaling.type", "yarn".into());
    set("rope.scaling.factor", yarn.factor.into());
    set("rope.scaling.original_context_length", (yarn.original_context as u32).into());
    let plain = yarn_magnitude(yarn.factor.into(), 1.0) as f32;
    let paper = Yarn::new(yarn.factor, yarn.original_context, plain);
    if yarn.magnitude != plain {
        set("rope.scaling.attn_factor", (yarn.magnitude / plain).into());
    }
    if yarn.beta_fast != paper.beta_fast {
        set("rope.scaling.yarn_beta_fast", yarn.beta_fast.into());
    }
    if yarn.beta_slow != paper.beta_slow {
        set("rope.scaling.yarn_beta_slow", yarn.beta_slow.into());
    }
    if yarn.truncate != paper.truncate {
        set("rope.scaling.yarn_truncate", yarn.truncate.into());
    }
}
