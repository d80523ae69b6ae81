//! What the tests of caches share.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of this")]

use domain_types::testing::MemoryExperts;
use domain_types::{
    Clock, CodecSet, Linear, OrthogonalTransform, PortError, QuantFormat, QuantTensor, TensorView,
    WeightCodec, scalar,
};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub fn experts(counts: [usize; 2], shape: [usize; 2]) -> MemoryExperts {
    MemoryExperts::new(counts, shape, sha256)
}

pub struct SinceStart(pub Instant);

impl Clock for SinceStart {
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn unix(&self) -> Duration {
        Duration::ZERO
    }
}

/// F32 weights, read where they lie: no copy that a budget does not see.
pub struct InPlace;

struct InPlaceLinear(QuantTensor);

impl InPlaceLinear {
    fn weights(&self, row: usize) -> impl Iterator<Item = f32> {
        let row = self.0.bytes()[row * self.in_features() * 4..].chunks_exact(4).take(self.in_features());
        row.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }
}

impl Linear for InPlaceLinear {
    fn in_features(&self) -> usize {
        self.0.shape().row_len()
    }

    fn out_features(&self) -> usize {
        self.0.shape().rows()
    }

    fn matvec(&self, x: &[f32], y: &mut [f32]) {
        for (row, y) in y.iter_mut().enumerate() {
            *y = self.weights(row).zip(x).map(|(w, x)| w * x).sum();
        }
    }

    fn matmul(&self, x: &[f32], tokens: usize, y: &mut [f32]) {
        for token in 0..tokens {
            let (x, y) = (&x[token * self.in_features()..], &mut y[token * self.out_features()..]);
            self.matvec(&x[..self.in_features()], &mut y[..self.out_features()]);
        }
    }

    fn row(&self, index: usize, out: &mut [f32]) {
        out.iter_mut().zip(self.weights(index)).for_each(|(out, w)| *out = w);
    }

    fn weight_bytes(&self) -> usize {
        self.0.bytes().len()
    }
}

impl WeightCodec for InPlace {
    fn format(&self) -> QuantFormat {
        scalar::F32
    }

    fn decode(&self, _: TensorView<'_>, _: &mut [f32]) -> Result<(), PortError> {
        Err(PortError::invalid("these tests compute in place"))
    }

    fn linear(&self, tensor: QuantTensor) -> Result<Box<dyn Linear>, PortError> {
        Ok(Box::new(InPlaceLinear(tensor)))
    }
}

impl CodecSet for InPlace {
    fn codec(&self, format: &QuantFormat) -> Option<&dyn WeightCodec> {
        (*format == scalar::F32).then_some(self as &dyn WeightCodec)
    }

    fn rotation(&self, _: usize, _: u64) -> Result<Box<dyn OrthogonalTransform>, PortError> {
        Err(PortError::invalid("these tests rotate nothing"))
    }
}
