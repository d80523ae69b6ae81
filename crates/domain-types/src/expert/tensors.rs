//! Which tensors of a model hold experts.

use super::{ExpertId, ExpertPart};
use crate::{DomainError, PortError, QuantFormat, QuantTensor, Shape, TensorInfo, TensorSource};
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

/// A tensor that holds matrices of experts, as its GGUF name tells.
///
/// A stack has one format. Where the experts of a block differ in precision, each has tensors of its own, under the names
/// that Mixtral's first files had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExpertTensor {
    /// `blk.0.ffn_gate_exps.weight`, `[experts, rows, row_len]`: one matrix after another.
    Stack {
        /// Transformer block.
        layer: usize,
        /// Which matrix of each expert.
        part: ExpertPart,
    },
    /// `blk.0.ffn_gate.3.weight`, `[rows, row_len]`: a matrix of one expert.
    Single {
        /// Whose.
        id: ExpertId,
        /// Which of its matrices.
        part: ExpertPart,
    },
}

impl ExpertTensor {
    /// What a GGUF name says; nothing where it is no tensor of experts.
    pub fn parse(name: &str) -> Option<Self> {
        let (layer, rest) = name.strip_prefix("blk.")?.split_once('.')?;
        let (layer, rest) = (layer.parse().ok()?, rest.strip_prefix("ffn_")?.strip_suffix(".weight")?);
        let of = |stem: &str| ExpertPart::ALL.into_iter().find(|part| part.stem() == stem);
        let tensor = match rest.split_once('.') {
            None => Self::Stack { layer, part: of(rest.strip_suffix("_exps")?)? },
            Some((stem, expert)) => {
                Self::Single { id: ExpertId::new(layer, expert.parse().ok()?), part: of(stem)? }
            }
        };
        // A number may be written in several ways; a name in one.
        (tensor.to_string() == name).then_some(tensor)
    }
}

impl fmt::Display for ExpertTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stack { layer, part } => write!(f, "blk.{layer}.ffn_{}_exps.weight", part.stem()),
            Self::Single { id: ExpertId { layer, expert }, part } => {
                write!(f, "blk.{layer}.ffn_{}.{expert}.weight", part.stem())
            }
        }
    }
}

/// Where a model has a matrix of an expert: a tensor, and bytes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpertMatrix {
    /// The tensor's name.
    pub tensor: String,
    /// The matrix's format.
    pub format: QuantFormat,
    /// `[rows, row_len]`.
    pub shape: Shape,
    /// Byte of the tensor at which the matrix begins.
    pub start: usize,
}

impl ExpertMatrix {
    /// Looks for a matrix in a model of `experts` per block: in the block's stack, or else by itself. An error where it is
    /// in neither, or the stack is none of so many experts.
    pub fn find(
        source: &dyn TensorSource,
        id: ExpertId,
        part: ExpertPart,
        experts: usize,
    ) -> Result<Self, PortError> {
        let stack = ExpertTensor::Stack { layer: id.layer, part }.to_string();
        if let Some(info) = source.info(&stack) {
            return Ok(Self::in_stack(info, id.expert, experts)?);
        }
        let single = ExpertTensor::Single { id, part }.to_string();
        let Some(info) = source.info(&single) else {
            return Err(PortError::not_found("tensor", format!("{stack} or {single}")));
        };
        if info.shape.dims().len() != 2 {
            return Err(DomainError::BadSpec(format!("{single} is {}, not a matrix", info.shape)).into());
        }
        Ok(Self { tensor: single, format: info.format, shape: info.shape, start: 0 })
    }

    fn in_stack(info: &TensorInfo, expert: usize, experts: usize) -> Result<Self, DomainError> {
        let &[count, rows, row_len] = info.shape.dims() else {
            return Err(DomainError::BadSpec(format!(
                "{} is {}, not a stack of matrices",
                info.name, info.shape
            )));
        };
        if count != experts || expert >= experts {
            return Err(DomainError::BadSpec(format!(
                "{} has {count} experts, the metadata says {experts}, and number {expert} is wanted",
                info.name
            )));
        }
        let shape = Shape::matrix(rows, row_len)?;
        let start = expert * info.format.byte_len(&shape)?;
        Ok(Self { tensor: info.name.clone(), format: info.format, shape, start })
    }

    /// Bytes of the matrix.
    pub fn byte_len(&self) -> Result<usize, DomainError> {
        self.format.byte_len(&self.shape)
    }

    /// The matrix: shared, not copied, where the source shares the tensor.
    pub fn read(&self, source: &dyn TensorSource) -> Result<QuantTensor, PortError> {
        let bytes = source.tensor(&self.tensor)?.bytes().slice(self.start..self.start + self.byte_len()?);
        Ok(QuantTensor::new(self.format, self.shape, bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::{F16, F32};
    use crate::{Metadata, ModelSpec};
    use alloc::vec;
    use alloc::vec::Vec;

    #[test]
    fn names_and_tensors_are_one_to_one() {
        let id = ExpertId::new(11, 7);
        for part in ExpertPart::ALL {
            for tensor in [ExpertTensor::Stack { layer: 3, part }, ExpertTensor::Single { id, part }] {
                assert_eq!(ExpertTensor::parse(&tensor.to_string()), Some(tensor));
            }
        }
        let single = ExpertTensor::Single { id, part: ExpertPart::Up };
        assert_eq!(single.to_string(), "blk.11.ffn_up.7.weight");
        for other in [
            "blk.0.ffn_up.weight",
            "blk.0.ffn_up_shexp.weight",
            "blk.0.ffn_gate_inp.weight",
            "blk.0.ffn_up.07.weight",
            "blk.+1.ffn_up.7.weight",
            "blk.0.ffn_up.7.bias",
            "blk.0.attn_q.7.weight",
            "token_embd.weight",
        ] {
            assert_eq!(ExpertTensor::parse(other), None, "{other}");
        }
    }

    struct Source(Vec<TensorInfo>);

    impl TensorSource for Source {
        fn tensors(&self) -> &[TensorInfo] {
            &self.0
        }

        fn tensor(&self, name: &str) -> Result<QuantTensor, PortError> {
            let info = self.info(name).ok_or_else(|| PortError::not_found("tensor", name))?;
            let bytes: Vec<u8> = (0..info.format.byte_len(&info.shape)?).map(|i| i as u8).collect();
            Ok(QuantTensor::new(info.format, info.shape, bytes)?)
        }

        fn metadata(&self) -> &Metadata {
            unreachable!("not asked")
        }

        fn spec(&self) -> Result<ModelSpec, PortError> {
            unreachable!("not asked")
        }
    }

    fn info(name: &str, format: QuantFormat, dims: &[usize]) -> TensorInfo {
        TensorInfo::new(name, format, Shape::new(dims).unwrap()).unwrap()
    }

    #[test]
    fn a_matrix_is_found_in_its_stack_or_by_itself() {
        let source = Source(vec![
            info("blk.0.ffn_gate_exps.weight", F16, &[3, 2, 4]),
            info("blk.0.ffn_down.2.weight", F32, &[4, 2]),
            info("blk.1.ffn_gate_exps.weight", F16, &[2, 2, 4]),
            info("blk.1.ffn_down.2.weight", F32, &[4]),
        ]);
        let find = |layer, part| ExpertMatrix::find(&source, ExpertId::new(layer, 2), part, 3);
        let read = |part| find(0, part).unwrap().read(&source).unwrap();
        let gate = read(ExpertPart::Gate);
        assert_eq!((gate.shape().dims(), gate.bytes()[0], gate.bytes().len()), (&[2, 4][..], 32, 16));
        let down = read(ExpertPart::Down);
        assert_eq!((*down.format(), down.bytes()[0], down.bytes().len()), (F32, 0, 32));
        let problem = |layer, part| find(layer, part).unwrap_err().to_string();
        assert!(problem(0, ExpertPart::Up).contains("blk.0.ffn_up.2.weight"));
        assert!(problem(1, ExpertPart::Gate).contains("2 experts, the metadata says 3"));
        assert!(problem(1, ExpertPart::Down).contains("not a matrix"));
    }
}
