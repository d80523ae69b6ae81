//! A model in memory.

use crate::{Metadata, ModelSpec, PortError, QuantTensor, Shape, TensorInfo, TensorSource, scalar};
use alloc::string::String;
use alloc::vec::Vec;

/// Tensors and a specification, held in memory.
#[derive(Debug, Clone)]
pub struct MemorySource {
    spec: ModelSpec,
    metadata: Metadata,
    infos: Vec<TensorInfo>,
    tensors: Vec<QuantTensor>,
}

impl MemorySource {
    /// An empty source of this specification.
    pub fn new(spec: ModelSpec) -> Self {
        Self { spec, metadata: Metadata::new(), infos: Vec::new(), tensors: Vec::new() }
    }

    /// Has this metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Adds a tensor.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, tensor: QuantTensor) -> Self {
        let (format, shape) = (*tensor.format(), *tensor.shape());
        self.infos.push(TensorInfo { name: name.into(), format, shape });
        self.tensors.push(tensor);
        self
    }

    /// Adds an F32 tensor of these dimensions, outermost first.
    #[must_use]
    pub fn with_f32(self, name: impl Into<String>, dims: &[usize], values: &[f32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let shape = Shape::new(dims).expect("test shapes are usable");
        self.with(name, QuantTensor::new(scalar::F32, shape, bytes).expect("values fill the shape"))
    }
}

impl TensorSource for MemorySource {
    fn tensors(&self) -> &[TensorInfo] {
        &self.infos
    }

    fn tensor(&self, name: &str) -> Result<QuantTensor, PortError> {
        let at = self.infos.iter().position(|t| t.name == name);
        at.map(|i| self.tensors[i].clone()).ok_or_else(|| PortError::not_found("tensor", name))
    }

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn spec(&self) -> Result<ModelSpec, PortError> {
        Ok(self.spec.clone())
    }
}
