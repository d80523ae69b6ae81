//! Mixtures of experts from metadata.

use super::Family;
use super::reader::SpecReader;
use crate::StoreError;
use domain_types::{ExpertsSpec, GateNorm, Gating, SharedExpert};

/// The experts of a model that has any. Which weights the gate's softmax gives is known from the architecture, as
/// llama.cpp knows it: few files say.
pub(super) fn experts(read: &SpecReader<'_>, family: &Family) -> Result<Option<ExpertsSpec>, StoreError> {
    let count = read.optional_usize("expert_count")?.unwrap_or(0);
    if count == 0 {
        return Ok(None);
    }
    let norm = match family.name {
        "llama" | "qwen3moe" => GateNorm::Chosen,
        "qwen2moe" => GateNorm::All,
        other => {
            return Err(StoreError::Unsupported {
                what: format!("experts in a {other} model"),
                instead: "use a Mixtral, Qwen 1.5 MoE, Qwen 2 MoE or Qwen 3 MoE model".into(),
            });
        }
    };
    let norm = match read.optional_bool("expert_weights_norm")? {
        Some(true) => GateNorm::Chosen,
        Some(false) => GateNorm::All,
        None => norm,
    };
    let ffn_width = match read.optional_usize("expert_feed_forward_length")? {
        Some(n) => n,
        None => read.usize("feed_forward_length")?,
    };
    let gating = Gating::new(count, read.usize("expert_used_count")?, norm)?;
    Ok(Some(ExpertsSpec { gating, ffn_width, shared: shared(read)? }))
}

fn shared(read: &SpecReader<'_>) -> Result<Option<SharedExpert>, StoreError> {
    let name = "blk.0.ffn_gate_shexp.weight";
    if !read.has_tensor(name) {
        return Ok(None);
    }
    let ffn_width = read.tensor(name)?.shape.matrix_rows();
    let key = "expert_shared_feed_forward_length";
    if read.optional_usize(key)?.is_some_and(|n| n != ffn_width) {
        return Err(read.wrong(key, &format!("does not fit tensor `{name}`")));
    }
    Ok(Some(SharedExpert { ffn_width, gated: read.has_tensor("blk.0.ffn_gate_inp_shexp.weight") }))
}
