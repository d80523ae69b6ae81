//! Which tensors a decoder has.

use crate::StoreError;
use domain_types::{ExpertTensor, TensorSource};

/// Tensors of a block, after `blk.N.`, besides those of experts.
const OF_BLOCK: [&str; 21] = [
    "attn_norm.weight",
    "attn_q.weight",
    "attn_q.bias",
    "attn_k.weight",
    "attn_k.bias",
    "attn_v.weight",
    "attn_v.bias",
    "attn_q_norm.weight",
    "attn_k_norm.weight",
    "attn_output.weight",
    "post_attention_norm.weight",
    "ffn_norm.weight",
    "ffn_gate.weight",
    "ffn_up.weight",
    "ffn_down.weight",
    "post_ffw_norm.weight",
    "ffn_gate_inp.weight",
    "ffn_gate_inp_shexp.weight",
    "ffn_gate_shexp.weight",
    "ffn_up_shexp.weight",
    "ffn_down_shexp.weight",
];

/// Refuses tensors of a block that the specification has no place for, and those of more experts than there are.
pub(super) fn refuse_unknown(source: &dyn TensorSource, experts: usize) -> Result<(), StoreError> {
    let of_experts = |name: &str| match ExpertTensor::parse(name) {
        Some(ExpertTensor::Stack { .. }) => experts > 0,
        Some(ExpertTensor::Single { id, .. }) => id.expert < experts,
        None => false,
    };
    let unknown = source.tensors().iter().find(|t| {
        let within = t.name.strip_prefix("blk.").and_then(|rest| rest.split_once('.'));
        within.is_some_and(|(_, name)| !OF_BLOCK.contains(&name)) && !of_experts(&t.name)
    });
    match unknown {
        None => Ok(()),
        Some(tensor) => Err(StoreError::Unsupported {
            what: format!("tensor `{}`", tensor.name),
            instead: "use a Llama, Mixtral, Qwen 2, Qwen 3 or Gemma 3 model".into(),
        }),
    }
}
