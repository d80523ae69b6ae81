//! A model as training and merging read it: every tensor in F32, in the network's own basis, the embedding in one piece.

use crate::floats;
use crate::rotate::Rotations;
use anyhow::Result;
use domain_types::{
    CodecSet, FrequentTokens, Metadata, ModelSpec, PortError, QuantTensor, TensorInfo, TensorSource, scalar,
};
use quant_core::Codecs;

const EMBEDDING: &str = "token_embd.weight";

/// Another source, decoded and rotated back as it is read. The model is the same.
pub(crate) struct PlainSource<'a> {
    original: &'a dyn TensorSource,
    codecs: &'a Codecs,
    spec: ModelSpec,
    metadata: Metadata,
    infos: Vec<TensorInfo>,
    rotations: Option<Rotations>,
    frequent: Option<FrequentTokens>,
}

impl<'a> PlainSource<'a> {
    pub(crate) fn new(original: &'a dyn TensorSource, codecs: &'a Codecs) -> Result<Self> {
        let spec = original.spec()?;
        let rotations = spec.rotation.map(|rotation| Rotations::new(&spec, rotation)).transpose()?;
        let frequent = FrequentTokens::read(original.metadata(), spec.vocab_size)?;
        let tensors = original.tensors().iter().filter(|info| info.name != FrequentTokens::TENSOR);
        let infos = tensors.map(|info| TensorInfo::new(&info.name, scalar::F32, info.shape));
        let infos = infos.collect::<Result<_, _>>()?;
        let mut metadata = original.metadata().clone();
        let keys = original.metadata().iter().map(|(key, _)| key);
        for key in keys.filter(|key| key.starts_with("pibit.rotation.") || *key == FrequentTokens::KEY) {
            metadata.remove(key);
        }
        let spec = ModelSpec { rotation: None, ..spec };
        Ok(Self { original, codecs, spec, metadata, infos, rotations, frequent })
    }

    fn decode(&self, name: &str) -> Result<(QuantTensor, Vec<f32>), PortError> {
        let tensor = self.original.tensor(name)?;
        let mut values = vec![0.0; tensor.shape().elements()];
        self.codecs.require(tensor.format())?.decode(tensor.view(), &mut values)?;
        Ok((tensor, values))
    }

    /// Puts the rows of frequent tokens where they belong.
    fn join(&self, embedding: &mut [f32], row_len: usize) -> Result<(), PortError> {
        let Some(frequent) = &self.frequent else { return Ok(()) };
        let (_, rows) = self.decode(FrequentTokens::TENSOR)?;
        if rows.len() != frequent.tokens().len() * row_len {
            let what = "does not have a row for each token of the metadata; quantize the model again";
            return Err(PortError::invalid(format!("tensor {} {what}", FrequentTokens::TENSOR)));
        }
        for (&token, row) in frequent.tokens().iter().zip(rows.chunks_exact(row_len)) {
            embedding[token as usize * row_len..][..row_len].copy_from_slice(row);
        }
        Ok(())
    }
}

impl TensorSource for PlainSource<'_> {
    fn tensors(&self) -> &[TensorInfo] {
        &self.infos
    }

    fn tensor(&self, name: &str) -> Result<QuantTensor, PortError> {
        let (tensor, mut values) = self.decode(name)?;
        let shape = *tensor.shape();
        if name == EMBEDDING {
            self.join(&mut values, shape.row_len())?;
        }
        if let Some(rotations) = &self.rotations {
            // A bias is a column: what a layer writes.
            let row_len = if shape.dims().len() == 1 { 1 } else { shape.row_len() };
            rotations.restore(name, &mut values, row_len);
        }
        Ok(floats::tensor(shape, &values)?)
    }

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn spec(&self) -> Result<ModelSpec, PortError> {
        Ok(self.spec.clone())
    }
}
