//! A model as training reads it: every tensor in F32.

use crate::floats;
use anyhow::Result;
use domain_types::{CodecSet, Metadata, ModelSpec, PortError, QuantTensor, TensorInfo, TensorSource, scalar};
use quant_core::Codecs;

/// Another source, decoded as it is read.
pub(super) struct DecodedSource<'a> {
    original: &'a dyn TensorSource,
    codecs: &'a Codecs,
    infos: Vec<TensorInfo>,
}

impl<'a> DecodedSource<'a> {
    pub(super) fn new(original: &'a dyn TensorSource, codecs: &'a Codecs) -> Result<Self> {
        let decoded = |info: &TensorInfo| TensorInfo::new(&info.name, scalar::F32, info.shape);
        let infos = original.tensors().iter().map(decoded).collect::<Result<_, _>>()?;
        Ok(Self { original, codecs, infos })
    }
}

impl TensorSource for DecodedSource<'_> {
    fn tensors(&self) -> &[TensorInfo] {
        &self.infos
    }

    fn tensor(&self, name: &str) -> Result<QuantTensor, PortError> {
        let tensor = self.original.tensor(name)?;
        let mut values = vec![0.0; tensor.shape().elements()];
        self.codecs.require(tensor.format())?.decode(tensor.view(), &mut values)?;
        Ok(floats::tensor(*tensor.shape(), &values)?)
    }

    fn metadata(&self) -> &Metadata {
        self.original.metadata()
    }

    fn spec(&self) -> Result<ModelSpec, PortError> {
        self.original.spec()
    }
}
