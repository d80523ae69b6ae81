//! Weights of a run that goes on, in a safetensors file.

use crate::TrainError;
use crate::network::Llama;
use domain_types::{Metadata, ModelSpec, PortError, QuantTensor, Shape, TensorInfo, TensorSource, scalar};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// F32 weights in memory, as they were at a step.
pub(crate) struct Checkpoint {
    spec: ModelSpec,
    step: usize,
    infos: Vec<TensorInfo>,
    tensors: Vec<QuantTensor>,
    metadata: Metadata,
}

impl Checkpoint {
    /// Writes a network's weights: a temporary file first, then a rename, so that a killed run leaves the old one.
    pub(crate) fn save(network: &Llama, step: usize, path: &Path) -> Result<(), TrainError> {
        let fail = |reason: String| TrainError::Checkpoint { path: path.into(), reason };
        let tensors = network.export_as(crate::network::MatrixType::F32)?;
        let views = tensors
            .iter()
            .map(|(name, t)| {
                let view = TensorView::new(Dtype::F32, t.shape().dims().to_vec(), t.bytes());
                Ok((name.as_str(), view.map_err(|e| fail(e.to_string()))?))
            })
            .collect::<Result<Vec<_>, TrainError>>()?;
        let notes = HashMap::from([("step".to_owned(), step.to_string())]);
        let bytes = safetensors::serialize(views, Some(notes)).map_err(|e| fail(e.to_string()))?;
        let temporary = path.with_extension("tmp");
        fs::write(&temporary, bytes)
            .and_then(|()| fs::rename(&temporary, path))
            .map_err(|e| fail(e.to_string()))
    }

    /// Reads a checkpoint of a network of this specification.
    pub(crate) fn load(spec: &ModelSpec, path: &Path) -> Result<Self, TrainError> {
        let fail = |reason: String| TrainError::Checkpoint { path: path.into(), reason };
        let bytes = fs::read(path).map_err(|e| fail(e.to_string()))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| fail(e.to_string()))?;
        let step = header.metadata().as_ref().and_then(|notes| notes.get("step")?.parse().ok());
        let step = step.ok_or_else(|| fail("it does not say at which step it was written".into()))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|e| fail(e.to_string()))?;
        let (mut infos, mut tensors) = (Vec::new(), Vec::new());
        for (name, view) in file.iter() {
            if view.dtype() != Dtype::F32 {
                return Err(fail(format!("tensor {name} is {:?}, not F32", view.dtype())));
            }
            let shape = Shape::new(view.shape())?;
            infos.push(TensorInfo::new(name, scalar::F32, shape)?);
            tensors.push(QuantTensor::new(scalar::F32, shape, view.data().to_vec())?);
        }
        Ok(Self { spec: spec.clone(), step, infos, tensors, metadata: Metadata::new() })
    }

    /// Optimizer steps that these weights have behind them.
    pub(crate) fn step(&self) -> usize {
        self.step
    }
}

impl TensorSource for Checkpoint {
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
