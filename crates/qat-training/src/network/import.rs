//! Weights from a model at rest.

use super::Llama;
use super::block::{Block, Mlp};
use super::start::Start;
use crate::TrainError;
use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use domain_types::{QuantTensor, TensorSource, scalar};
use half::f16;

impl Llama {
    /// The network of a source whose tensors are F32 or F16.
    pub fn import(source: &dyn TensorSource, device: &Device) -> Result<Self, TrainError> {
        let mut network = Self::begun(&source.spec()?, Start::zeros(device))?;
        let fill = Fill { source, device };
        let weights = &mut network.weights;
        fill.weight("token_embd.weight", &mut weights.embedding)?;
        for (layer, block) in weights.blocks.iter_mut().enumerate() {
            fill.block(&format!("blk.{layer}"), block)?;
        }
        fill.weight("output_norm.weight", &mut weights.norm.weight)?;
        Ok(network)
    }
}

/// Replaces parameters with a source's tensors.
pub(super) struct Fill<'a> {
    pub(super) source: &'a dyn TensorSource,
    pub(super) device: &'a Device,
}

impl Fill<'_> {
    pub(super) fn block(&self, prefix: &str, block: &mut Block) -> Result<(), TrainError> {
        let name = |part: &str| format!("{prefix}.{part}.weight");
        self.weight(&name("attn_norm"), &mut block.attn_norm.weight)?;
        self.weight(&name("attn_q"), &mut block.attn.q)?;
        self.weight(&name("attn_k"), &mut block.attn.k)?;
        self.weight(&name("attn_v"), &mut block.attn.v)?;
        self.weight(&name("attn_output"), &mut block.attn.output)?;
        self.weight(&name("ffn_norm"), &mut block.ffn_norm.weight)?;
        match &mut block.ffn {
            Mlp::Dense(ffn) => {
                self.weight(&name("ffn_gate"), &mut ffn.gate)?;
                self.weight(&name("ffn_up"), &mut ffn.up)?;
                self.weight(&name("ffn_down"), &mut ffn.down)
            }
            Mlp::Experts(experts) => {
                self.weight(&name("ffn_gate_inp"), &mut experts.router)?;
                self.weight(&name("ffn_gate_exps"), &mut experts.gate)?;
                self.weight(&name("ffn_up_exps"), &mut experts.up)?;
                self.weight(&name("ffn_down_exps"), &mut experts.down)
            }
        }
    }

    fn weight<const D: usize>(&self, name: &str, param: &mut Param<Tensor<D>>) -> Result<(), TrainError> {
        let tensor = self.source.tensor(name)?;
        let fail = |reason| TrainError::Tensor { name: name.to_owned(), reason };
        let dims = param.val().dims();
        if tensor.shape().dims() != dims {
            return Err(fail(format!("it is {}, the network needs {dims:?}", tensor.shape())));
        }
        let values = values(&tensor).ok_or_else(|| {
            fail(format!("it is {}; dequantize the model to f16 or f32 first", tensor.format().id()))
        })?;
        *param = Param::from_tensor(Tensor::from_data(TensorData::new(values, dims), self.device));
        Ok(())
    }
}

/// The weights, where the format is F32 or F16.
pub(crate) fn values(tensor: &QuantTensor) -> Option<Vec<f32>> {
    let bytes = tensor.bytes();
    if *tensor.format() == scalar::F32 {
        Some(bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect())
    } else if *tensor.format() == scalar::F16 {
        Some(bytes.as_chunks().0.iter().map(|&b| f16::from_le_bytes(b).to_f32()).collect())
    } else {
        None
    }
}
