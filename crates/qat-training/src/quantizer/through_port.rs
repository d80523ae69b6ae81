//! Any format at all, trained through the ports that encode and decode it.

use super::{FakeQuantizer, Gradients};
use domain_types::{CodecSet, PortError, QuantizeRequest, Quantizer, Shape};
use std::fmt;
use std::sync::Arc;

/// ŵ is what the encoded weights decode to; gradients pass straight through. Scales are the encoder's affair, so there
/// are no steps.
#[derive(Clone)]
pub(crate) struct ThroughPort {
    quantizer: Arc<dyn Quantizer>,
    codecs: Arc<dyn CodecSet>,
    shape: Shape,
}

impl ThroughPort {
    pub(crate) fn new(quantizer: Arc<dyn Quantizer>, codecs: Arc<dyn CodecSet>, shape: Shape) -> Self {
        Self { quantizer, codecs, shape }
    }
}

impl fmt::Debug for ThroughPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ThroughPort({}, {})", self.quantizer.format(), self.shape)
    }
}

impl FakeQuantizer for ThroughPort {
    fn forward(&self, weights: &[f32], _steps: &[f32]) -> Result<Vec<f32>, PortError> {
        let tensor = self.quantizer.quantize(&QuantizeRequest::new(weights, self.shape)?)?;
        let mut rounded = vec![0.0; weights.len()];
        self.codecs.require(tensor.format())?.decode(tensor.view(), &mut rounded)?;
        Ok(rounded)
    }

    fn backward(&self, _weights: &[f32], steps: &[f32], gradient: &[f32]) -> Gradients {
        Gradients { weights: gradient.to_vec(), steps: vec![0.0; steps.len()] }
    }
}
