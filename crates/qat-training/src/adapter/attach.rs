//! Adapters on the matrices that settings choose, and adapters as tensors of a file.

use super::{LoraConfig, LowRank};
use crate::TrainError;
use crate::network::{Trainable, Weight, f16_tensor};
use burn::module::{Param, ParamId, Reparameterizer};
use burn::tensor::Tensor;
use domain_types::{QuantTensor, Shape};
use std::collections::HashMap;

/// Hangs adapters on their matrices.
pub(crate) struct AttachAdapters(pub(crate) HashMap<ParamId, LowRank>);

impl Reparameterizer for AttachAdapters {
    type Reparam = LowRank;

    fn reparameterize<const D: usize>(
        &mut self,
        _path: &str,
        param: Param<Tensor<D>>,
    ) -> (Param<Tensor<D>>, Option<LowRank>) {
        let adapter = self.0.remove(&param.id);
        (param, adapter)
    }
}

/// The factors of every adapter in F16, under llama.cpp's names, in the order of a file.
pub(crate) fn factors(part: &impl Trainable) -> Result<Vec<(String, QuantTensor)>, TrainError> {
    let mut tensors = Vec::new();
    for (name, weight) in part.named() {
        let Weight::Matrix(matrix) = weight else { continue };
        let Some(adapter) = matrix.reparameterization::<LowRank>() else { continue };
        for (factor_name, factor) in [("lora_a", &adapter.a), ("lora_b", &adapter.b)] {
            let values = factor.val().try_into_vec_as::<f32>();
            let values = values.map_err(|e| TrainError::Unsupported(e.to_string()))?;
            tensors.push((
                format!("{name}.{factor_name}"),
                f16_tensor(Shape::new(&factor.val().dims())?, &values)?,
            ));
        }
    }
    Ok(tensors)
}

impl LoraConfig {
    /// The matrices of a network that have adapters: name and dimensions `[out, in]`.
    pub(crate) fn chosen(
        &self,
        part: &impl Trainable,
    ) -> Result<Vec<(String, ParamId, [usize; 2])>, TrainError> {
        let mut chosen = Vec::new();
        for (name, weight) in part.named() {
            if let (Weight::Matrix(matrix), true) = (weight, self.targets(&name)) {
                chosen.push((name, matrix.id, matrix.base().dims()));
            }
        }
        let is_used = |pattern: &str| {
            chosen
                .iter()
                .any(|(name, ..)| Self { targets: vec![pattern.to_owned()], ..self.clone() }.targets(name))
        };
        // The usual patterns name more than a mixture of experts has.
        if !chosen.is_empty()
            && self.targets != Self::default().targets
            && let Some(unused) = self.targets.iter().find(|pattern| !is_used(pattern))
        {
            return Err(TrainError::Config(format!(
                "no matrix of this model is named like lora.targets' `{unused}`; names are attn_q, ffn_down and the like"
            )));
        }
        if chosen.is_empty() {
            return Err(TrainError::Config(format!(
                "no matrix of this model is named like {:?}",
                self.targets
            )));
        }
        Ok(chosen)
    }
}
