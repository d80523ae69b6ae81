//! RMS norm (Zhang and Sennrich 2019, arXiv 1910.07467).

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

#[derive(Module, Debug)]
pub(crate) struct RmsNorm {
    pub(super) weight: Param<Tensor<1>>,
}

impl RmsNorm {
    pub(super) fn new(width: usize, device: &Device) -> Self {
        Self { weight: Param::from_tensor(Tensor::ones([width], device)) }
    }

    /// x / √(mean(x²) + ε) ⊙ weight, over the last dimension of `[positions, width]`.
    pub(super) fn forward(&self, x: Tensor<2>, eps: f32) -> Tensor<2> {
        let rms = x.clone().square().mean_dim(1).add_scalar(eps).sqrt();
        x / rms * self.weight.val().unsqueeze::<2>()
    }
}
