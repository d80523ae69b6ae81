//! A model of which some tensors are replaced.

use domain_types::{Metadata, ModelSpec, PortError, QuantTensor, TensorInfo, TensorSource};
use std::collections::HashMap;

/// Another source with some tensors replaced.
pub(crate) struct Overlay<'a> {
    original: &'a dyn TensorSource,
    infos: Vec<TensorInfo>,
    replaced: HashMap<String, QuantTensor>,
}

impl<'a> Overlay<'a> {
    /// Nothing is replaced yet.
    pub(crate) fn new(original: &'a dyn TensorSource) -> Self {
        Self { original, infos: original.tensors().to_vec(), replaced: HashMap::new() }
    }

    /// Replaces a tensor by another of its shape.
    pub(crate) fn put(&mut self, name: &str, tensor: QuantTensor) {
        for info in self.infos.iter_mut().filter(|info| info.name == name) {
            info.format = *tensor.format();
        }
        self.replaced.insert(name.to_owned(), tensor);
    }

    /// Has `tensors` in the place of those whose names are `gone`.
    pub(crate) fn substitute(&mut self, gone: impl Fn(&str) -> bool, tensors: Vec<(String, QuantTensor)>) {
        let at = self.infos.iter().position(|info| gone(&info.name)).unwrap_or(self.infos.len());
        self.infos.retain(|info| !gone(&info.name));
        let described = tensors.iter().map(|(name, tensor)| TensorInfo {
            name: name.clone(),
            format: *tensor.format(),
            shape: *tensor.shape(),
        });
        self.infos.splice(at..at, described);
        self.replaced.extend(tensors);
    }
}

impl TensorSource for Overlay<'_> {
    fn tensors(&self) -> &[TensorInfo] {
        &self.infos
    }

    fn tensor(&self, name: &str) -> Result<QuantTensor, PortError> {
        self.replaced.get(name).map_or_else(|| self.original.tensor(name), |tensor| Ok(tensor.clone()))
    }

    fn metadata(&self) -> &Metadata {
        self.original.metadata()
    }

    fn spec(&self) -> Result<ModelSpec, PortError> {
        self.original.spec()
    }
}
