//! Losses of batches and their gradients.

use crate::TrainError;
use crate::network::{Llama, Trainable, Weight, negative_log_likelihood};
use crate::training::Batch;
use burn::tensor::{Tensor, TensorData};
use domain_types::TokenId;

/// The mean negative log-likelihood of a batch's targets, weighed, in nats per token.
fn loss(network: &Llama, batch: &Batch) -> Tensor<1> {
    let rows: Vec<&[TokenId]> = batch.inputs.iter().map(Vec::as_slice).collect();
    let total: f32 = batch.weights.iter().sum();
    let shares: Vec<f32> = batch.weights.iter().map(|w| w / total.max(f32::MIN_POSITIVE)).collect();
    let shares = Tensor::<1>::from_data(TensorData::new(shares, [batch.targets.len()]), &network.device());
    (negative_log_likelihood(network.logits(&rows), &batch.targets) * shares).sum()
}

/// The loss of a batch without gradients.
pub(super) fn loss_of(network: &Llama, batch: &Batch) -> Result<f64, TrainError> {
    number(loss(network, batch))
}

/// The loss of a batch, and its gradient with respect to every matrix that `wanted` names: given to `take` one by one.
pub(super) fn differentiate(
    network: &Llama,
    batch: &Batch,
    wanted: impl Fn(&str) -> bool,
    mut take: impl FnMut(&str, Vec<f32>),
) -> Result<f64, TrainError> {
    let loss = loss(network, batch);
    let gradients = loss.backward();
    for (name, weight) in network.named() {
        let Weight::Matrix(matrix) = weight else { continue };
        if let Some(gradient) = wanted(&name).then(|| matrix.val().grad(&gradients)).flatten() {
            take(&name, floats(gradient)?);
        }
    }
    number(loss)
}

fn number(tensor: Tensor<1>) -> Result<f64, TrainError> {
    Ok(f64::from(floats(tensor)?[0]))
}

fn floats<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, TrainError> {
    tensor.try_into_vec_as::<f32>().map_err(|e| TrainError::Unsupported(e.to_string()))
}
