//! Fake quantizers as an operation of burn with a backward pass of its own.
//!
//! The work is done on slices on the host, so one implementation serves all backends; a GPU pays for the way there and
//! back.

use super::FakeQuantizer;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{Device, FloatTensor};
use burn::backend::{Autodiff, Backend, Dispatch, Flex, NdArray, TensorMetadata, backend_extension};
use burn::tensor::{Tensor, TensorData};
use std::sync::Arc;

/// Backends that can fake-quantize: all of them.
#[backend_extension(Autodiff, Flex, NdArray, Cube: cfg(feature = "wgpu"))]
pub(crate) trait FakeQuantize: Backend {
    /// Rounds `weights` with `steps`.
    fn fake_quantize(
        weights: FloatTensor<Self>,
        steps: FloatTensor<Self>,
        quantizer: Arc<dyn FakeQuantizer>,
    ) -> FloatTensor<Self>;
}

/// Rounds weights (or other numbers) with steps. Where weights cannot be rounded all become NaN, which the training loop reports.
pub(crate) fn fake_quantize<const D: usize>(
    weights: Tensor<D>,
    steps: Tensor<2>,
    quantizer: &Arc<dyn FakeQuantizer>,
) -> Tensor<D> {
    let (weights, steps) = (weights.into_dispatch(), steps.into_dispatch());
    Tensor::from_dispatch(<Dispatch as FakeQuantize>::fake_quantize(weights, steps, Arc::clone(quantizer)))
}

/// Backends that compute on the host.
macro_rules! on_host {
    ($($backend:ty),+) => {$(
        impl FakeQuantize for $backend {
            fn fake_quantize(
                weights: FloatTensor<Self>,
                steps: FloatTensor<Self>,
                quantizer: Arc<dyn FakeQuantizer>,
            ) -> FloatTensor<Self> {
                on_host::<Self>(weights, steps, &*quantizer)
            }
        }
    )+};
}

on_host!(Flex, NdArray);
#[cfg(feature = "wgpu")]
on_host!(burn::backend::Cube);

fn on_host<B: Backend>(
    weights: FloatTensor<B>,
    steps: FloatTensor<B>,
    quantizer: &dyn FakeQuantizer,
) -> FloatTensor<B> {
    let device = weights.device();
    let weights = read::<B>(weights);
    let dims = weights.shape().clone();
    let (weights, steps) = (values(&weights), read::<B>(steps));
    let rounded = quantizer.forward(weights, values(&steps));
    let rounded = rounded.unwrap_or_else(|_| vec![f32::NAN; weights.len()]);
    write::<B>(TensorData::new(rounded, dims), &device)
}

fn read<B: Backend>(tensor: FloatTensor<B>) -> TensorData {
    burn::tensor::try_read_sync(B::float_into_data(tensor))
        .expect("backends of training read synchronously")
        .expect("a tensor that was computed can be read")
}

fn values(data: &TensorData) -> &[f32] {
    data.as_slice().expect("training is in F32")
}

fn write<B: Backend>(data: TensorData, device: &Device<B>) -> FloatTensor<B> {
    B::float_from_data(data, device)
}

/// The backward pass.
#[derive(Debug)]
struct FakeQuantizeBackward;

/// The inputs of the forward pass.
#[derive(Debug, Clone)]
struct Inputs<T> {
    weights: T,
    steps: T,
    quantizer: Arc<dyn FakeQuantizer>,
}

impl<B: FakeQuantize> Backward<B, 2> for FakeQuantizeBackward {
    type State = Inputs<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let Inputs { weights, steps, quantizer } = ops.state;
        let device = weights.device();
        let gradient = read::<B>(grads.consume::<B>(&ops.node));
        let (weights, steps) = (read::<B>(weights), read::<B>(steps));
        let found = quantizer.backward(values(&weights), values(&steps), values(&gradient));
        let [of_weights, of_steps] = ops.parents;
        if let Some(node) = of_weights {
            let data = TensorData::new(found.weights, weights.shape().clone());
            grads.register::<B>(node.id, write::<B>(data, &device));
        }
        if let Some(node) = of_steps {
            let data = TensorData::new(found.steps, steps.shape().clone());
            grads.register::<B>(node.id, write::<B>(data, &device));
        }
    }
}

impl<B: FakeQuantize, C: CheckpointStrategy> FakeQuantize for Autodiff<B, C> {
    fn fake_quantize(
        weights: FloatTensor<Self>,
        steps: FloatTensor<Self>,
        quantizer: Arc<dyn FakeQuantizer>,
    ) -> FloatTensor<Self> {
        let ((weights, of_weights), (steps, of_steps)) = (weights.into_parts(), steps.into_parts());
        let rounded = B::fake_quantize(weights.clone(), steps.clone(), Arc::clone(&quantizer));
        match FakeQuantizeBackward.prepare::<C>([of_weights, of_steps]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(Inputs { weights, steps, quantizer }, rounded),
            OpsKind::UnTracked(prepared) => prepared.finish(rounded),
        }
    }
}
