//! Where a model comes from.

use crate::{Metadata, ModelSpec, PortError, QuantTensor, TensorInfo};

/// A model at rest: tensors under their GGUF names, metadata under GGUF keys, and the specification made from them.
/// GGUF files, Hugging Face folders and memory all look the same through it.
pub trait TensorSource: Send + Sync {
    /// All tensors, in the order of the file.
    fn tensors(&self) -> &[TensorInfo];

    /// A tensor's bytes: shared, not copied, where the source is mapped or in memory.
    fn tensor(&self, name: &str) -> Result<QuantTensor, PortError>;

    /// Metadata of the model.
    fn metadata(&self) -> &Metadata;

    /// The network that the metadata describes; an error for architectures that are not known.
    fn spec(&self) -> Result<ModelSpec, PortError>;

    /// Description of a tensor.
    fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors().iter().find(|t| t.name == name)
    }
}
