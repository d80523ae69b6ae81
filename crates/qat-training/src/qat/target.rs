//! What a matrix is trained for.

use crate::quantizer::{FakeQuantizer, LearnedStep, LevelGrid, ThroughPort};
use crate::{QuantizationConfig, TrainError};
use domain_types::{CodecSet, QuantFormat, QuantTensor, QuantizeRequest, Quantizer, Shape};
use std::sync::Arc;

/// The format that a matrix is trained for, through its ports.
#[derive(Clone)]
pub struct QatTarget {
    quantizer: Arc<dyn Quantizer>,
    codecs: Arc<dyn CodecSet>,
    levels: Option<&'static [f32]>,
}

/// A target made ready for one matrix.
pub(super) struct Prepared {
    pub(super) quantizer: Arc<dyn FakeQuantizer>,
    /// First steps and their shape, where steps are learned.
    pub(super) steps: Option<(Vec<f32>, [usize; 2])>,
}

impl QatTarget {
    /// A format that `quantizer` makes and `codecs` read. `levels` are given where each block's weights are its scale
    /// times one of them: then scales are learned. Other formats are trained by encoding and decoding in each step.
    pub fn new(
        quantizer: Arc<dyn Quantizer>,
        codecs: Arc<dyn CodecSet>,
        levels: Option<&'static [f32]>,
    ) -> Self {
        Self { quantizer, codecs, levels }
    }

    /// The fake quantizer of a matrix, whose steps begin as those that the format's own quantizer chooses.
    pub(super) fn prepare(
        &self,
        config: &QuantizationConfig,
        weights: &[f32],
        shape: Shape,
    ) -> Result<Prepared, TrainError> {
        let through_port = || {
            let (quantizer, codecs) = (Arc::clone(&self.quantizer), Arc::clone(&self.codecs));
            let quantizer: Arc<dyn FakeQuantizer> = Arc::new(ThroughPort::new(quantizer, codecs, shape));
            Prepared { quantizer, steps: None }
        };
        let Some(levels) = self.levels else { return Ok(through_port()) };
        let (_, decoded) = self.encode(weights, shape)?;
        if !self.is_stable(&decoded, shape)? {
            return Ok(through_port());
        }
        let (format, dims) = (self.quantizer.format(), [shape.rows(), shape.row_len()]);
        let learned = LearnedStep::new(
            LevelGrid::new(levels)?,
            config.surrogate,
            config.granularity,
            dims,
            format.block_len(),
        );
        let steps = learned.steps_of(&decoded, format.block_len(), dims[1]);
        let steps = steps.ok_or_else(|| {
            let id = format.id();
            TrainError::Config(format!("what {id} decodes to does not lie on the levels given for it"))
        })?;
        let steps = Some((steps, learned.step_dims()));
        Ok(Prepared { quantizer: Arc::new(learned), steps })
    }

    /// Whether the format's quantizer finds the steps of weights on its grid again, so that learned ones can be stored.
    /// One whose step is the largest weight's does not.
    fn is_stable(&self, decoded: &[f32], shape: Shape) -> Result<bool, TrainError> {
        Ok(self.encode(decoded, shape)?.1 == decoded)
    }

    /// The format.
    pub(super) fn format(&self) -> QuantFormat {
        self.quantizer.format()
    }

    /// What packed weights decode to.
    pub(super) fn decode(&self, tensor: &QuantTensor) -> Result<Vec<f32>, TrainError> {
        let mut decoded = vec![0.0; tensor.shape().elements()];
        self.codecs.require(tensor.format())?.decode(tensor.view(), &mut decoded)?;
        Ok(decoded)
    }

    /// Packed weights, and what they decode to.
    pub(super) fn encode(
        &self,
        weights: &[f32],
        shape: Shape,
    ) -> Result<(QuantTensor, Vec<f32>), TrainError> {
        let tensor = self.quantizer.quantize(&QuantizeRequest::new(weights, shape)?)?;
        let decoded = self.decode(&tensor)?;
        Ok((tensor, decoded))
    }

    /// Packs what was trained, and makes sure that the file says what the forward pass used.
    pub(super) fn export(
        &self,
        name: &str,
        shape: Shape,
        learned: bool,
        [latent, rounded]: [&[f32]; 2],
    ) -> Result<QuantTensor, TrainError> {
        // Where steps are learned the quantizer finds them again; elsewhere it has to see what it saw in training.
        let source = if learned { rounded } else { latent };
        let (tensor, decoded) = self.encode(source, shape)?;
        if let Some(at) = decoded.iter().zip(rounded).position(|(file, trained)| file != trained) {
            let (file, trained) = (decoded[at], rounded[at]);
            let reason = format!("weight {at} was trained as {trained} but would be stored as {file}");
            return Err(TrainError::Tensor { name: name.to_owned(), reason });
        }
        Ok(tensor)
    }
}
