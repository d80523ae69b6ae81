//! The product of a linear layer.

use crate::adapter::LowRank;
use burn::module::Param;
use burn::tensor::Tensor;

/// x·Wᵀ for W `[out, in]`, with what an adapter adds: computed beside the matrix, so that no copy of it is made and, where
/// it is frozen, no gradient.
pub(super) fn project(x: Tensor<2>, weight: &Param<Tensor<2>>) -> Tensor<2> {
    match weight.reparameterization::<LowRank>() {
        None => x.matmul(weight.val().transpose()),
        Some(adapter) => x.clone().matmul(weight.base().transpose()) + adapter.forward(x),
    }
}
