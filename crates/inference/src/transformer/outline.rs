//! Whether a model can run, found by building its network without weights.

use super::{LoadOptions, Transformer, load};
use crate::InferenceError;
use domain_types::{
    CodecSet, Linear, OrthogonalTransform, PortError, QuantFormat, QuantTensor, TensorSource, TensorView,
    WeightCodec,
};

impl Transformer {
    /// Fails where [`load`](Transformer::load) would, except for what only the weights of matrices tell. Takes no
    /// memory for matrices.
    pub fn check_source(source: &dyn TensorSource, codecs: &dyn CodecSet) -> Result<(), InferenceError> {
        let outlines = Outlines::new(source, codecs);
        load::load(source, &outlines, LoadOptions::default(), None, None).map(drop)
    }
}

/// The codecs of a model's formats, whose matrices are outlines.
struct Outlines<'a> {
    codecs: &'a dyn CodecSet,
    formats: Vec<(QuantFormat, Outline<'a>)>,
}

impl<'a> Outlines<'a> {
    fn new(source: &dyn TensorSource, codecs: &'a dyn CodecSet) -> Self {
        let mut formats: Vec<(QuantFormat, Outline<'a>)> = Vec::new();
        for info in source.tensors() {
            if formats.iter().all(|(known, _)| *known != info.format)
                && let Some(codec) = codecs.codec(&info.format)
            {
                formats.push((info.format, Outline { codec }));
            }
        }
        Self { codecs, formats }
    }
}

impl CodecSet for Outlines<'_> {
    fn codec(&self, format: &QuantFormat) -> Option<&dyn WeightCodec> {
        let found = self.formats.iter().find(|(known, _)| known == format);
        found.map(|(_, outline)| outline as &dyn WeightCodec)
    }

    fn rotation(&self, width: usize, seed: u64) -> Result<Box<dyn OrthogonalTransform>, PortError> {
        self.codecs.rotation(width, seed)
    }
}

struct Outline<'a> {
    codec: &'a dyn WeightCodec,
}

impl WeightCodec for Outline<'_> {
    fn format(&self) -> QuantFormat {
        self.codec.format()
    }

    fn decode(&self, tensor: TensorView<'_>, out: &mut [f32]) -> Result<(), PortError> {
        self.codec.decode(tensor, out)
    }

    fn linear(&self, tensor: QuantTensor) -> Result<Box<dyn Linear>, PortError> {
        let shape = tensor.shape();
        Ok(Box::new(Matrix { inputs: shape.row_len(), outputs: shape.matrix_rows() }))
    }
}

/// A matrix of which only the shape is known.
struct Matrix {
    inputs: usize,
    outputs: usize,
}

const NO_WEIGHTS: &str = "an outline of a network does not compute";

impl Linear for Matrix {
    fn in_features(&self) -> usize {
        self.inputs
    }

    fn out_features(&self) -> usize {
        self.outputs
    }

    fn matvec(&self, _: &[f32], _: &mut [f32]) {
        unreachable!("{NO_WEIGHTS}")
    }

    fn matmul(&self, _: &[f32], _: usize, _: &mut [f32]) {
        unreachable!("{NO_WEIGHTS}")
    }

    fn row(&self, _: usize, _: &mut [f32]) {
        unreachable!("{NO_WEIGHTS}")
    }

    fn weight_bytes(&self) -> usize {
        0
    }
}
