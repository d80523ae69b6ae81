//! Linear layers that count what goes through them.

use super::{ActivationWatch, Counters};
use domain_types::{
    CodecSet, Linear, OrthogonalTransform, PortError, QuantFormat, QuantTensor, TensorView, WeightCodec,
};
use std::sync::Arc;

/// Codecs whose linear layers count their activations. Rows that are only looked up (embeddings) are not counted.
pub struct WatchedCodecs {
    inner: Arc<dyn CodecSet>,
    codecs: Vec<WatchedCodec>,
    counters: Arc<Counters>,
}

impl WatchedCodecs {
    /// Watches the linear layers that `inner` makes of tensors of these formats; others are not found.
    pub fn new(inner: Arc<dyn CodecSet>, formats: impl IntoIterator<Item = QuantFormat>) -> Self {
        let counters = Arc::new(Counters::default());
        let mut codecs: Vec<WatchedCodec> = Vec::new();
        for format in formats {
            if inner.codec(&format).is_some() && codecs.iter().all(|codec| codec.format != format) {
                codecs.push(WatchedCodec { format, inner: inner.clone(), counters: counters.clone() });
            }
        }
        Self { inner, codecs, counters }
    }

    /// What reads the counts, also while the layers work.
    pub fn watch(&self) -> ActivationWatch {
        ActivationWatch(self.counters.clone())
    }
}

impl CodecSet for WatchedCodecs {
    fn codec(&self, format: &QuantFormat) -> Option<&dyn WeightCodec> {
        self.codecs.iter().find(|codec| codec.format == *format).map(|codec| codec as &dyn WeightCodec)
    }

    fn rotation(&self, width: usize, seed: u64) -> Result<Box<dyn OrthogonalTransform>, PortError> {
        self.inner.rotation(width, seed)
    }
}

struct WatchedCodec {
    format: QuantFormat,
    inner: Arc<dyn CodecSet>,
    counters: Arc<Counters>,
}

impl WeightCodec for WatchedCodec {
    fn format(&self) -> QuantFormat {
        self.format
    }

    fn decode(&self, tensor: TensorView<'_>, out: &mut [f32]) -> Result<(), PortError> {
        self.inner.require(&self.format)?.decode(tensor, out)
    }

    fn linear(&self, tensor: QuantTensor) -> Result<Box<dyn Linear>, PortError> {
        let inner = self.inner.require(&self.format)?.linear(tensor)?;
        Ok(Box::new(WatchedLinear { inner, counters: self.counters.clone() }))
    }
}

struct WatchedLinear {
    inner: Box<dyn Linear>,
    counters: Arc<Counters>,
}

impl Linear for WatchedLinear {
    fn in_features(&self) -> usize {
        self.inner.in_features()
    }

    fn out_features(&self) -> usize {
        self.inner.out_features()
    }

    fn matvec(&self, x: &[f32], y: &mut [f32]) {
        self.inner.matvec(x, y);
        self.counters.count(x, self.in_features(), y);
    }

    fn matmul(&self, x: &[f32], tokens: usize, y: &mut [f32]) {
        self.inner.matmul(x, tokens, y);
        self.counters.count(x, self.in_features(), y);
    }

    fn row(&self, index: usize, out: &mut [f32]) {
        self.inner.row(index, out);
    }

    fn weight_bytes(&self) -> usize {
        self.inner.weight_bytes()
    }
}
