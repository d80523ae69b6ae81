//! The parts of a mixture of experts.

use super::Tensors;
use crate::InferenceError;
use crate::transformer::experts::{ExpertPorts, Mixture, ResidentExperts, Shared, TopK};
use domain_types::{ModelSpec, SharedExpert, TensorSource};
use std::sync::Arc;

/// Tensors of a block that hold its experts.
const STACKS: [&str; 3] = ["ffn_gate_exps", "ffn_up_exps", "ffn_down_exps"];

/// All of a block's mixture but the experts.
pub(super) fn mixture(
    tensors: &mut Tensors<'_>,
    spec: &ModelSpec,
    layer: usize,
) -> Result<Mixture, InferenceError> {
    let experts = spec.experts.expect("asked for mixtures only");
    let gate = format!("blk.{layer}.ffn_gate_inp.weight");
    Ok(Mixture {
        gate: tensors.linear(&gate, experts.gating.experts(), spec.width)?,
        shared: experts.shared.map(|s| shared(tensors, spec, s, layer)).transpose()?,
        activation: spec.activation,
    })
}

fn shared(
    tensors: &mut Tensors<'_>,
    spec: &ModelSpec,
    shared: SharedExpert,
    layer: usize,
) -> Result<Shared, InferenceError> {
    let name = |part: &str| format!("blk.{layer}.ffn_{part}_shexp.weight");
    let (width, ffn) = (spec.width, shared.ffn_width);
    Ok(Shared {
        gate: tensors.linear(&name("gate"), ffn, width)?,
        up: tensors.linear(&name("up"), ffn, width)?,
        down: tensors.linear(&name("down"), width, ffn)?,
        scale: shared.gated.then(|| tensors.vector(&name("gate_inp"), width)).transpose()?,
    })
}

/// Routing and experts: those given, or top-k and all experts in memory.
pub(super) fn experts(
    tensors: &mut Tensors<'_>,
    spec: &ModelSpec,
    ports: Option<ExpertPorts>,
) -> Result<Option<ExpertPorts>, InferenceError> {
    let Some(experts) = spec.experts else {
        return match ports {
            None => Ok(None),
            Some(_) => Err(InferenceError::NoExperts { architecture: spec.architecture.clone() }),
        };
    };
    let Some(ports) = ports else {
        let provider = Arc::new(ResidentExperts::take(tensors, spec)?);
        return Ok(Some(ExpertPorts { router: Box::new(TopK::new(experts.gating)), provider }));
    };
    if ports.router.gating() != experts.gating {
        return Err(InferenceError::OtherGating { router: ports.router.gating(), model: experts.gating });
    }
    for layer in 0..spec.layers {
        for stack in STACKS {
            tensors.leave(format!("blk.{layer}.{stack}.weight"));
        }
    }
    Ok(Some(ports))
}

/// Bytes of experts that a token reads in all blocks.
pub(super) fn expert_bytes(source: &dyn TensorSource, spec: &ModelSpec) -> usize {
    let Some(experts) = spec.experts else { return 0 };
    let stacks = source.tensors().iter().filter(|t| STACKS.iter().any(|stack| t.name.contains(stack)));
    let bytes: usize = stacks.filter_map(|t| t.format.byte_len(&t.shape).ok()).sum();
    bytes / experts.gating.experts() * experts.gating.top_k()
}
