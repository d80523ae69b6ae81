//! One step of the scales alone, held back by elastic weight consolidation.

mod matrix;

use super::gradients::loss_of;
use super::{Fisher, batch_of};
use crate::TrainError;
use crate::network::{Llama, Trainable, Weight};
use crate::training::Batch;
use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use domain_types::{CodecSet, QuantTensor, TensorSource, TokenId};
use matrix::{Matrix, Moved, matrices};
use std::collections::HashMap;

/// How far scales may go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScaleOptions {
    /// What the model knew before weighs so many times what its Fisher information was measured on. 0 forgets freely.
    pub ewc: f32,
    /// Largest relative change of a scale.
    pub max_change: f32,
    /// Times that the step is halved before the scales are left as they are.
    pub halvings: usize,
}

impl Default for ScaleOptions {
    fn default() -> Self {
        Self { ewc: 1.0, max_change: 0.02, halvings: 6 }
    }
}

/// What a step made of a model.
#[derive(Debug, Clone)]
pub struct ScaleUpdate {
    /// Matrices whose scales changed, packed, by GGUF name; empty where no step was an improvement.
    pub tensors: Vec<(String, QuantTensor)>,
    /// Mean loss on the recent rows before, in nats per token.
    pub loss_before: f64,
    /// The same after, measured with the scales that are stored.
    pub loss_after: f64,
    /// The penalty that the Fisher information puts on the step, in the same unit.
    pub penalty: f64,
    /// Root mean square of the relative changes.
    pub change: f64,
}

/// A quantized model.
#[derive(Clone, Copy)]
pub struct PackedModel<'a> {
    /// As its file has it.
    pub packed: &'a dyn TensorSource,
    /// The same model in F32 or F16.
    pub plain: &'a dyn TensorSource,
    /// What reads its formats.
    pub codecs: &'a dyn CodecSet,
}

/// Moves scales so that recent rows become more likely, and what the model knew stays (EWC, Kirkpatrick et al. 2017, arXiv
/// 1612.00796): the loss on `rows` plus ½·λ·Σ F·δ² for relative changes δ, where λ is the number of tokens that the Fisher
/// information F stands for over those of `rows`. The direction is Newton's with F as curvature; its length is halved
/// until the sum falls. Matrices whose blocks are one scale times levels take part.
///
/// # Errors
/// A model without such matrices, a Fisher information of another model, a loss that is not finite.
pub fn update_scales(
    model: PackedModel<'_>,
    fisher: Option<&Fisher>,
    rows: &[Vec<TokenId>],
    options: &ScaleOptions,
) -> Result<ScaleUpdate, TrainError> {
    let network = Llama::import(model.plain, &Device::flex().autodiff())?;
    let batches: Vec<Batch> = rows.iter().map(|row| batch_of(row)).collect();
    let (mut matrices, loss_before) = matrices(model, &network, &batches)?;
    if !loss_before.is_finite() {
        return Err(TrainError::Diverged { step: 0, loss: loss_before as f32 });
    }
    aim(&mut matrices, fisher, tokens(&batches), options)?;
    let network = network.without_gradients();
    let mut share = 1.0;
    for _ in 0..=options.halvings {
        let moved = matrices.iter().map(|matrix| matrix.moved(model.codecs, share));
        let moved = moved.collect::<Result<Vec<_>, _>>()?;
        let penalty: f64 = moved.iter().map(|m| m.penalty).sum();
        let loss_after = mean_loss(&with_weights(&network, &moved), &batches)?;
        if loss_after + penalty < loss_before {
            let (squares, blocks) = moved.iter().fold((0.0, 0), |(s, b), m| (s + m.squares, b + m.blocks));
            let tensors = moved.into_iter().map(|m| (m.name.to_owned(), m.packed)).collect();
            let change = (squares / blocks as f64).sqrt();
            return Ok(ScaleUpdate { tensors, loss_before, loss_after, penalty, change });
        }
        share *= 0.5;
    }
    Ok(ScaleUpdate { tensors: Vec::new(), loss_before, loss_after: loss_before, penalty: 0.0, change: 0.0 })
}

/// Chooses directions: −g/(c·F + damping) with the Fisher information as curvature, −g without one, not longer than allowed.
fn aim(
    matrices: &mut [Matrix<'_>],
    fisher: Option<&Fisher>,
    tokens: usize,
    options: &ScaleOptions,
) -> Result<(), TrainError> {
    let known = fisher.map_or(0.0, |fisher| (fisher.rows * fisher.row_length) as f32);
    let lambda = options.ewc * known / tokens as f32;
    for matrix in matrices.iter_mut() {
        matrix.aim(fisher, lambda)?;
    }
    let directions = || matrices.iter().flat_map(|m| &m.direction);
    let longest = directions().fold(0.0_f32, |longest, d| longest.max(d.abs()));
    // Without curvature only the direction is known; with it steps have a length, which is cut where it is too large.
    let limit = options.max_change;
    let factor = if fisher.is_none() && longest > 0.0 { limit / longest } else { 1.0 };
    for d in matrices.iter_mut().flat_map(|m| &mut m.direction) {
        *d = (*d * factor).clamp(-limit, limit);
    }
    Ok(())
}

fn tokens(batches: &[Batch]) -> usize {
    batches.iter().map(|batch| batch.targets.len()).sum()
}

fn mean_loss(network: &Llama, batches: &[Batch]) -> Result<f64, TrainError> {
    let mut sum = 0.0;
    for batch in batches {
        sum += loss_of(network, batch)? * batch.targets.len() as f64;
    }
    Ok(sum / tokens(batches) as f64)
}

/// The network with other weights in some matrices.
fn with_weights(network: &Llama, moved: &[Moved<'_>]) -> Llama {
    let by_name: HashMap<&str, &[f32]> = moved.iter().map(|m| (m.name, m.weights.as_slice())).collect();
    let mut values = HashMap::new();
    for (name, weight) in network.named() {
        if let (Weight::Matrix(matrix), Some(weights)) = (weight, by_name.get(name.as_str())) {
            values.insert(matrix.id, *weights);
        }
    }
    network.clone().with_weights(network.weights().clone().map(&mut Replace(values)))
}

/// Replaces the values of some parameters.
struct Replace<'a>(HashMap<ParamId, &'a [f32]>);

impl ModuleMapper for Replace<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(values) = self.0.get(&param.id) else { return param };
        param.map(|old| Tensor::from_data(TensorData::new(values.to_vec(), old.dims()), &old.device()))
    }
}
