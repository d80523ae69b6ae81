//! What weights are before they are trained, or read from a file.

use crate::random::Rng;
use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};

/// Makes weights in the order in which a network asks for them.
pub(super) struct Start<'a> {
    /// None where all weights are replaced anyway: drawing them would take longer than reading them.
    rng: Option<Rng>,
    device: &'a Device,
}

impl<'a> Start<'a> {
    /// Normal weights. The same seed gives the same ones on every device.
    pub(super) fn random(seed: u64, device: &'a Device) -> Self {
        Self { rng: Some(Rng::new(&[seed, 0x0077_6569_6768_7473])), device }
    }

    /// Zeros, to be replaced.
    pub(super) fn zeros(device: &'a Device) -> Self {
        Self { rng: None, device }
    }

    pub(super) fn device(&self) -> &'a Device {
        self.device
    }

    /// The next weights, of this standard deviation.
    pub(super) fn weights<const D: usize>(&mut self, dims: [usize; D], deviation: f32) -> Param<Tensor<D>> {
        Param::from_tensor(match &mut self.rng {
            None => Tensor::zeros(dims, self.device),
            Some(rng) => {
                let values: Vec<f32> = (0..dims.iter().product()).map(|_| rng.normal() * deviation).collect();
                Tensor::from_data(TensorData::new(values, dims), self.device)
            }
        })
    }
}
