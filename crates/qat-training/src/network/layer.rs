//! One block by itself, for training that has room for no more.

use super::attention::Geometry;
use super::block::Block;
use super::check;
use super::import::Fill;
use super::routing::Routing;
use super::start::Start;
use crate::TrainError;
use burn::tensor::{Device, Tensor};
use domain_types::{ModelSpec, TensorSource};

/// A block of a network and which one it is.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(super) spec: ModelSpec,
    pub(super) index: usize,
    pub(super) block: Block,
}

impl Layer {
    /// Block `index` of a source whose tensors are F32 or F16.
    pub(crate) fn import(
        source: &dyn TensorSource,
        spec: &ModelSpec,
        index: usize,
        device: &Device,
    ) -> Result<Self, TrainError> {
        check(spec)?;
        let mut block = Block::new(spec, &mut Start::zeros(device));
        Fill { source, device }.block(&format!("blk.{index}"), &mut block)?;
        Ok(Self { spec: spec.clone(), index, block })
    }

    /// The residual stream behind the block from that before it: `[rows × length, width]`, rows starting at position 0.
    pub(crate) fn forward(&self, x: Tensor<2>, length: usize) -> Tensor<2> {
        let geometry = Geometry::new(&self.spec, x.dims()[0] / length, length, &x.device());
        self.block.forward(x, &geometry, &mut Routing::standard(length))
    }
}
