//! Gradients of scales against differences of the loss.

use super::batch_of;
use super::fisher::scale_gradients;
use super::gradients::{differentiate, loss_of};
use crate::network::tests::small_spec;
use crate::network::{Llama, MatrixType, Trainable, export_all, values};
use burn::tensor::Device;
use domain_types::testing::MemorySource;

const MATRIX: &str = "blk.1.ffn_up.weight";

/// The loss of the network whose block `index` of [`MATRIX`] is `factor` times as large, in blocks of 4 weights.
fn loss_with(network: &Llama, index: usize, factor: f32) -> f64 {
    let mut source = MemorySource::new(small_spec());
    for (name, tensor) in export_all(network, MatrixType::F32).unwrap() {
        let mut weights = values(&tensor).unwrap();
        if name == MATRIX {
            weights[4 * index..4 * index + 4].iter_mut().for_each(|w| *w *= factor);
        }
        source = source.with_f32(name, tensor.shape().dims(), &weights);
    }
    let scaled = Llama::import(&source, &Device::flex()).unwrap();
    loss_of(&scaled, &batch_of(&[1, 5, 9, 2, 2, 7])).unwrap()
}

#[test]
fn gradients_of_scales_are_differences_of_the_loss() {
    let network = Llama::new(&small_spec(), 3, &Device::flex().autodiff()).unwrap();
    let plain = network.without_gradients();
    let weights: Vec<f32> = export_all(&plain, MatrixType::F32)
        .unwrap()
        .into_iter()
        .find_map(|(name, tensor)| (name == MATRIX).then(|| values(&tensor).unwrap()))
        .unwrap();
    let mut found = Vec::new();
    let batch = batch_of(&[1, 5, 9, 2, 2, 7]);
    differentiate(
        &network,
        &batch,
        |name| name == MATRIX,
        |_, gradient| {
            found = scale_gradients(&weights, &gradient, 8, 4);
        },
    )
    .unwrap();
    assert_eq!(found.len(), 24, "12 rows of 2 blocks");
    for (index, gradient) in found.iter().enumerate() {
        let h = 0.02;
        let difference =
            (loss_with(&plain, index, 1.0 + h) - loss_with(&plain, index, 1.0 - h)) / (2.0 * f64::from(h));
        let wrong = (f64::from(*gradient) - difference).abs();
        assert!(wrong < 1e-4 + 0.02 * difference.abs(), "block {index}: {gradient}, not {difference}");
    }
}
