//! The parts of a mixture of experts.

use super::Tensors;
use crate::InferenceError;
use crate::transformer::experts::{ExpertPorts, Mixture, ResidentExperts, Shared, TopK};
use domain_types::{ExpertTensor, ModelSpec, SharedExpert, TensorSource};
use std::sync::Arc;

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
    tensors.leave(|name| match ExpertTensor::parse(name) {
        Some(ExpertTensor::Stack { layer, .. }) => layer < spec.layers,
        Some(ExpertTensor::Single { id, .. }) => {
            id.layer < spec.layers && id.expert < experts.gating.experts()
        }
        None => false,
    });
    Ok(Some(ports))
}

/// Bytes of experts that a token reads in all blocks, on average where experts differ in format.
pub(super) fn expert_bytes(source: &dyn TensorSource, spec: &ModelSpec) -> usize {
    let Some(experts) = spec.experts else { return 0 };
    let tensors = source.tensors().iter().filter(|t| ExpertTensor::parse(&t.name).is_some());
    let bytes: usize = tensors.filter_map(|t| t.format.byte_len(&t.shape).ok()).sum();
    bytes / experts.gating.experts() * experts.gating.top_k()
}
