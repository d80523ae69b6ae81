//! Taking tensors out of a source by name and expected shape.

use crate::InferenceError;
use crate::adapter::{AdaptedLinear, Adapter};
use crate::transformer::frequent::FrequentRows;
use domain_types::{
    CodecSet, ExpertId, ExpertPart, ExpertTensor, FrequentTokens, Linear, OrthogonalTransform, QuantTensor,
    Shape, TensorSource,
};
use std::collections::HashSet;

/// A source whose tensors are handed out against an expected shape, each at most once.
pub(in super::super) struct Tensors<'a> {
    source: &'a dyn TensorSource,
    codecs: &'a dyn CodecSet,
    architecture: &'a str,
    taken: HashSet<String>,
    adapter: Option<&'a Adapter>,
}

impl<'a> Tensors<'a> {
    pub(in super::super) fn new(
        source: &'a dyn TensorSource,
        codecs: &'a dyn CodecSet,
        architecture: &'a str,
    ) -> Self {
        Self { source, codecs, architecture, taken: HashSet::new(), adapter: None }
    }

    /// The same with additions to its linear layers. An error where the adapter adds to what is no tensor of the source.
    pub(super) fn adapted(self, adapter: Option<&'a Adapter>) -> Result<Self, InferenceError> {
        let mut matrices = adapter.into_iter().flat_map(Adapter::matrices);
        match matrices.find(|matrix| self.source.info(matrix).is_none_or(|info| info.shape.dims().len() != 2))
        {
            None => Ok(Self { adapter, ..self }),
            Some(matrix) => Err(InferenceError::Adapter(format!(
                "the model has no linear layer {matrix}: the adapter was trained for another model"
            ))),
        }
    }

    /// A linear layer of `outputs` × `inputs` on the packed weights.
    pub(super) fn linear(
        &mut self,
        name: &str,
        outputs: usize,
        inputs: usize,
    ) -> Result<Box<dyn Linear>, InferenceError> {
        let tensor = self.take(name, Shape::matrix(outputs, inputs)?)?;
        let linear = self.codecs.require(tensor.format())?.linear(tensor)?;
        let Some(addition) = self.adapter.and_then(|adapter| adapter.of(name)) else { return Ok(linear) };
        match AdaptedLinear::new(linear, addition.clone()) {
            Some(adapted) => Ok(Box::new(adapted)),
            None => Err(InferenceError::Adapter(format!(
                "the addition to {name} is {}×{}, the matrix {outputs}×{inputs}: the adapter was trained for another model",
                addition.out_features(),
                addition.in_features()
            ))),
        }
    }

    /// A linear layer of `outputs` × `inputs` per expert of a block: from the block's stack, or from tensors of their own.
    pub(in super::super) fn experts(
        &mut self,
        (layer, part): (usize, ExpertPart),
        [count, outputs, inputs]: [usize; 3],
    ) -> Result<Vec<Box<dyn Linear>>, InferenceError> {
        let single = |expert| ExpertTensor::Single { id: ExpertId::new(layer, expert), part }.to_string();
        let stack = ExpertTensor::Stack { layer, part }.to_string();
        if self.source.info(&stack).is_none() && self.source.info(&single(0)).is_some() {
            return (0..count).map(|expert| self.linear(&single(expert), outputs, inputs)).collect();
        }
        let tensor = self.take(&stack, Shape::new(&[count, outputs, inputs])?)?;
        let (format, shape) = (*tensor.format(), Shape::matrix(outputs, inputs)?);
        let (codec, len) = (self.codecs.require(&format)?, format.byte_len(&shape)?);
        let matrix = |i: usize| {
            let bytes = tensor.bytes().slice(i * len..(i + 1) * len);
            Ok(codec.linear(QuantTensor::new(format, shape, bytes)?)?)
        };
        (0..count).map(matrix).collect()
    }

    /// Counts tensors as taken that somebody else reads.
    pub(in super::super) fn leave(&mut self, others: impl Fn(&str) -> bool) {
        let left = self.source.tensors().iter().filter(|t| others(&t.name));
        self.taken.extend(left.map(|t| t.name.clone()));
    }

    /// The rotation of vectors of `width` that goes with the weights.
    pub(super) fn rotation(
        &self,
        width: usize,
        seed: u64,
    ) -> Result<Box<dyn OrthogonalTransform>, InferenceError> {
        Ok(self.codecs.rotation(width, seed)?)
    }

    /// Rows of the embedding that are kept apart, if the source has them.
    pub(super) fn frequent_rows(
        &mut self,
        vocab: usize,
        width: usize,
    ) -> Result<Option<FrequentRows>, InferenceError> {
        let Some(tokens) = FrequentTokens::read(self.source.metadata(), vocab)? else { return Ok(None) };
        let rows = self.linear(FrequentTokens::TENSOR, tokens.tokens().len(), width)?;
        Ok(Some(FrequentRows { tokens, rows }))
    }

    /// A vector of `len` finite floats; some converters write it as a matrix of one row.
    pub(super) fn vector(&mut self, name: &str, len: usize) -> Result<Vec<f32>, InferenceError> {
        let row = Shape::matrix(1, len)?;
        let is_row = self.source.info(name).is_some_and(|info| info.shape == row);
        let tensor = self.take(name, if is_row { row } else { Shape::vector(len)? })?;
        let mut values = vec![0.0; len];
        self.codecs.require(tensor.format())?.decode(tensor.view(), &mut values)?;
        match values.iter().position(|x| !x.is_finite()) {
            Some(index) => Err(InferenceError::NotFinite { name: name.into(), index, value: values[index] }),
            None => Ok(values),
        }
    }

    /// A vector, if the source has it.
    pub(super) fn optional_vector(
        &mut self,
        name: &str,
        len: usize,
    ) -> Result<Option<Vec<f32>>, InferenceError> {
        self.source.info(name).is_some().then(|| self.vector(name, len)).transpose()
    }

    /// Fails where a tensor among those `concerned` is left over: a network without it would compute something else
    /// than the model means.
    pub(in super::super) fn finish(self, concerned: impl Fn(&str) -> bool) -> Result<(), InferenceError> {
        Self::check(self.source, &self.taken, self.architecture, concerned)
    }

    /// [`finish`](Self::finish) for tensors that were `taken` in several goes.
    pub(in super::super) fn check(
        source: &dyn TensorSource,
        taken: &HashSet<String>,
        architecture: &str,
        concerned: impl Fn(&str) -> bool,
    ) -> Result<(), InferenceError> {
        let mut rest = source.tensors().iter().filter(|t| !taken.contains(&t.name));
        match rest.find(|t| concerned(&t.name)) {
            None => Ok(()),
            Some(info) => Err(InferenceError::UnusedTensor {
                name: info.name.clone(),
                architecture: architecture.into(),
            }),
        }
    }

    /// Names of the tensors taken so far.
    pub(in super::super) fn taken(self) -> HashSet<String> {
        self.taken
    }

    fn take(&mut self, name: &str, expected: Shape) -> Result<QuantTensor, InferenceError> {
        let Some(info) = self.source.info(name) else {
            return Err(InferenceError::MissingTensor {
                name: name.into(),
                architecture: self.architecture.into(),
            });
        };
        if info.shape != expected {
            return Err(InferenceError::TensorShape { name: name.into(), expected, found: info.shape });
        }
        self.taken.insert(name.into());
        Ok(self.source.tensor(name)?)
    }
}
