//! F32 weights, computed in the plainest way: the oracle for other implementations of [`Linear`].

use super::DefinedRotation;
use crate::{
    CodecSet, Linear, OrthogonalTransform, PortError, QuantFormat, QuantTensor, TensorView, WeightCodec,
    scalar,
};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

/// A linear layer of F32 weights with sums in F64.
#[derive(Debug, Clone)]
pub struct DenseLinear {
    weights: Vec<f32>,
    in_features: usize,
}

impl DenseLinear {
    /// A layer of `weights.len() / in_features` rows.
    pub fn new(weights: Vec<f32>, in_features: usize) -> Self {
        assert_eq!(weights.len() % in_features, 0, "weights must be whole rows");
        Self { weights, in_features }
    }
}

impl Linear for DenseLinear {
    fn in_features(&self) -> usize {
        self.in_features
    }

    fn out_features(&self) -> usize {
        self.weights.len() / self.in_features
    }

    fn matvec(&self, x: &[f32], y: &mut [f32]) {
        assert_eq!((x.len(), y.len()), (self.in_features(), self.out_features()));
        for (row, out) in self.weights.chunks_exact(self.in_features).zip(y) {
            *out = row.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum::<f64>() as f32;
        }
    }

    fn matmul(&self, x: &[f32], tokens: usize, y: &mut [f32]) {
        assert_eq!((x.len(), y.len()), (tokens * self.in_features(), tokens * self.out_features()));
        for (x, y) in x.chunks_exact(self.in_features()).zip(y.chunks_exact_mut(self.out_features())) {
            self.matvec(x, y);
        }
    }

    fn row(&self, index: usize, out: &mut [f32]) {
        out.copy_from_slice(&self.weights[index * self.in_features..(index + 1) * self.in_features]);
    }

    fn weight_bytes(&self) -> usize {
        self.weights.len() * 4
    }
}

/// Reads F32 tensors only.
#[derive(Debug, Clone, Copy, Default)]
pub struct DenseCodecs;

impl WeightCodec for DenseCodecs {
    fn format(&self) -> QuantFormat {
        scalar::F32
    }

    fn decode(&self, tensor: TensorView<'_>, out: &mut [f32]) -> Result<(), PortError> {
        if *tensor.format() != scalar::F32 || out.len() != tensor.shape().elements() {
            return Err(PortError::invalid("expected an f32 tensor and room for its weights"));
        }
        for (bytes, out) in tensor.bytes().chunks_exact(4).zip(out) {
            *out = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        Ok(())
    }

    fn linear(&self, tensor: QuantTensor) -> Result<Box<dyn Linear>, PortError> {
        let mut weights = vec![0.0; tensor.shape().elements()];
        self.decode(tensor.view(), &mut weights)?;
        Ok(Box::new(DenseLinear::new(weights, tensor.shape().row_len())))
    }
}

impl CodecSet for DenseCodecs {
    fn codec(&self, format: &QuantFormat) -> Option<&dyn WeightCodec> {
        (*format == scalar::F32).then_some(self as &dyn WeightCodec)
    }

    fn rotation(&self, width: usize, seed: u64) -> Result<Box<dyn OrthogonalTransform>, PortError> {
        Ok(Box::new(DefinedRotation::new(width, seed)))
    }
}
