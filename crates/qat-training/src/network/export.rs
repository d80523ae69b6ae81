//! Weights as tensors under their GGUF names.

use super::block::{Block, Mlp};
use super::{Llama, Trainable};
use crate::TrainError;
use burn::tensor::Tensor;
use domain_types::{QuantTensor, Shape, scalar};
use half::f16;

/// Element type of exported matrices. Norms are always F32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MatrixType {
    F16,
    F32,
}

/// A weight in either shape.
pub(crate) enum Weight<'a> {
    Matrix(&'a burn::module::Param<Tensor<2>>),
    Vector(&'a burn::module::Param<Tensor<1>>),
    /// Matrices of all experts.
    Stack(&'a burn::module::Param<Tensor<3>>),
    /// A matrix that is never rounded: gates decide, and are small.
    Gate(&'a burn::module::Param<Tensor<2>>),
}

/// A block's weights under their GGUF names, in the order of a file.
pub(super) fn of_block(layer: usize, block: &Block) -> Vec<(String, Weight<'_>)> {
    let attn = &block.attn;
    let mut parts = vec![
        ("attn_norm", Weight::Vector(&block.attn_norm.weight)),
        ("attn_q", Weight::Matrix(&attn.q)),
        ("attn_k", Weight::Matrix(&attn.k)),
        ("attn_v", Weight::Matrix(&attn.v)),
        ("attn_output", Weight::Matrix(&attn.output)),
        ("ffn_norm", Weight::Vector(&block.ffn_norm.weight)),
    ];
    parts.extend(of_feed_forward(&block.ffn));
    parts.into_iter().map(|(part, weight)| (format!("blk.{layer}.{part}.weight"), weight)).collect()
}

fn of_feed_forward(ffn: &Mlp) -> Vec<(&'static str, Weight<'_>)> {
    match ffn {
        Mlp::Dense(ffn) => vec![
            ("ffn_gate", Weight::Matrix(&ffn.gate)),
            ("ffn_up", Weight::Matrix(&ffn.up)),
            ("ffn_down", Weight::Matrix(&ffn.down)),
        ],
        Mlp::Experts(experts) => vec![
            ("ffn_gate_inp", Weight::Gate(&experts.router)),
            ("ffn_gate_exps", Weight::Stack(&experts.gate)),
            ("ffn_up_exps", Weight::Stack(&experts.up)),
            ("ffn_down_exps", Weight::Stack(&experts.down)),
        ],
    }
}

impl Llama {
    /// All tensors under their GGUF names: matrices `[out, in]` in F16 rounded to nearest, norms in F32.
    pub fn export(&self) -> Result<Vec<(String, QuantTensor)>, TrainError> {
        self.export_as(MatrixType::F16)
    }

    pub(crate) fn export_as(&self, matrices: MatrixType) -> Result<Vec<(String, QuantTensor)>, TrainError> {
        export_all(self, matrices)
    }
}

/// All weights of a network or a block as tensors under their GGUF names.
pub(crate) fn export_all(
    part: &impl Trainable,
    matrices: MatrixType,
) -> Result<Vec<(String, QuantTensor)>, TrainError> {
    part.named().into_iter().map(|named| export_one(named, matrices)).collect()
}

/// The norms alone.
pub(crate) fn export_norms(part: &impl Trainable) -> Result<Vec<(String, QuantTensor)>, TrainError> {
    let norms = part.named().into_iter().filter(|(_, weight)| matches!(weight, Weight::Vector(_)));
    norms.map(|named| export_one(named, MatrixType::F32)).collect()
}

/// Calls `hash` with the bytes of each weight in F32, so that memory stays at one.
pub(crate) fn hash_all(part: &impl Trainable, mut hash: impl FnMut(&[u8])) -> Result<(), TrainError> {
    for named in part.named() {
        hash(export_one(named, MatrixType::F32)?.1.bytes());
    }
    Ok(())
}

fn export_one(
    (name, weight): (String, Weight<'_>),
    matrices: MatrixType,
) -> Result<(String, QuantTensor), TrainError> {
    let packed = matches!(weight, Weight::Matrix(_) | Weight::Stack(_));
    let (shape, values) = match weight {
        Weight::Stack(w) => (Shape::new(&w.val().dims())?, values(&name, w.val())?),
        Weight::Matrix(w) | Weight::Gate(w) => (Shape::new(&w.val().dims())?, values(&name, w.val())?),
        Weight::Vector(w) => (Shape::new(&w.val().dims())?, values(&name, w.val())?),
    };
    let half = matrices == MatrixType::F16 && packed;
    Ok((name, if half { f16_tensor(shape, &values)? } else { f32_tensor(shape, &values)? }))
}

fn values<const D: usize>(name: &str, tensor: Tensor<D>) -> Result<Vec<f32>, TrainError> {
    let unreadable = |reason: String| TrainError::Tensor { name: name.to_owned(), reason };
    tensor.try_into_vec_as::<f32>().map_err(|e| unreadable(e.to_string()))
}

pub(crate) fn f16_tensor(shape: Shape, values: &[f32]) -> Result<QuantTensor, TrainError> {
    let bytes: Vec<u8> = values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect();
    Ok(QuantTensor::new(scalar::F16, shape, bytes)?)
}

fn f32_tensor(shape: Shape, values: &[f32]) -> Result<QuantTensor, TrainError> {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    Ok(QuantTensor::new(scalar::F32, shape, bytes)?)
}
