//! A trainable decoder-only transformer of the Llama family, from a [`ModelSpec`].

mod attention;
mod block;
mod experts;
mod export;
mod import;
mod layer;
mod norm;
mod project;
mod rope;
mod rounded_cache;
mod routing;
mod start;
#[cfg(test)]
pub(crate) mod tests;
mod trainable;

use crate::TrainError;
use attention::Geometry;
use block::Block;
use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use domain_types::{Activation, GateNorm, ModelSpec, TensorSource, TokenId};
pub(crate) use export::{MatrixType, Weight, export_all, export_norms, f16_tensor, hash_all};
pub(crate) use import::values;
pub(crate) use layer::Layer;
use norm::RmsNorm;
pub(crate) use rounded_cache::RoundedCache;
pub(crate) use routing::Routing;
use start::Start;
pub(crate) use trainable::Trainable;

/// The network: weights on a device and the specification that they follow.
#[derive(Debug, Clone)]
pub struct Llama {
    spec: ModelSpec,
    weights: Weights,
    cache: Option<RoundedCache>,
}

/// What an optimizer changes. The output head is the embedding.
#[derive(Module, Debug)]
pub(crate) struct Weights {
    embedding: Param<Tensor<2>>,
    blocks: Vec<Block>,
    norm: RmsNorm,
}

impl Llama {
    /// A network with random weights: normal, of variance 1/width, and smaller where a block writes to the residual
    /// stream (GPT-2). The same seed gives the same weights on every device.
    pub fn new(spec: &ModelSpec, seed: u64, device: &Device) -> Result<Self, TrainError> {
        Self::begun(spec, Start::random(seed, device))
    }

    fn begun(spec: &ModelSpec, mut start: Start<'_>) -> Result<Self, TrainError> {
        check(spec)?;
        let weights = Weights {
            embedding: start.weights([spec.vocab_size, spec.width], 0.02),
            blocks: (0..spec.layers).map(|_| Block::new(spec, &mut start)).collect(),
            norm: RmsNorm::new(spec.width, start.device()),
        };
        Ok(Self { spec: spec.clone(), weights, cache: None })
    }

    /// The same network with a key–value cache that rounds.
    pub(crate) fn with_cache(self, cache: RoundedCache) -> Self {
        Self { cache: Some(cache), ..self }
    }

    /// The specification.
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// Logits `[tokens, vocabulary]`, row after row, of a model whose tensors are F32 or F16, computed by the network
    /// that is trained: to hold it against another implementation.
    ///
    /// # Errors
    /// A model that this network cannot be; a token outside its vocabulary.
    pub fn logits_of(source: &dyn TensorSource, tokens: &[TokenId]) -> Result<Vec<f32>, TrainError> {
        let network = Self::import(source, &Device::flex())?;
        let vocabulary = network.spec.vocab_size;
        if let Some(token) = tokens.iter().find(|token| **token as usize >= vocabulary) {
            return Err(TrainError::Tokenizer(format!("token {token} is not among the {vocabulary}")));
        }
        let logits = network.logits(&[tokens]).try_into_vec_as::<f32>();
        logits.map_err(|e| TrainError::Unsupported(e.to_string()))
    }

    /// Logits `[batch × length, vocabulary]` of token rows of equal length, each starting at position 0.
    pub(crate) fn logits(&self, rows: &[&[TokenId]]) -> Tensor<2> {
        self.routed_logits(rows, &mut Routing::standard(rows[0].len()))
    }

    /// [`logits`](Self::logits) with a say in which experts tokens go to.
    pub(crate) fn routed_logits(&self, rows: &[&[TokenId]], routing: &mut Routing) -> Tensor<2> {
        let device = self.device();
        let (batch, length) = (rows.len(), rows[0].len());
        let ids: Vec<i32> = rows.iter().flat_map(|row| row.iter().map(|&id| id as i32)).collect();
        let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [batch * length]), &device);
        let geometry = Geometry::new(&self.spec, batch, length, &device).with_cache(self.cache.clone());
        let embedding = self.weights.embedding.val();
        let mut x = embedding.clone().select(0, ids);
        for block in &self.weights.blocks {
            x = block.forward(x, &geometry, routing);
        }
        self.weights.norm.forward(x, self.spec.norm_eps).matmul(embedding.transpose())
    }
}

/// Negative log-likelihood of each target in nats, from logits `[positions, vocabulary]`.
pub(crate) fn negative_log_likelihood(logits: Tensor<2>, targets: &[TokenId]) -> Tensor<1> {
    let ids: Vec<i32> = targets.iter().map(|&id| id as i32).collect();
    let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [targets.len(), 1]), &logits.device());
    activation::log_softmax(logits, 1).gather(1, ids).reshape([targets.len()]).neg()
}

/// Refuses specifications that ask for more than this network has.
fn check(spec: &ModelSpec) -> Result<(), TrainError> {
    spec.validate()?;
    let a = &spec.attention;
    let missing = [
        (a.qkv_bias, "biases of q, k and v"),
        (a.qk_norm, "norms of q and k"),
        (a.sliding_window.is_some(), "sliding windows"),
        (spec.post_norms, "norms after the sublayers"),
        (spec.activation != Activation::Silu, "activations other than SiLU"),
        (spec.embedding_scale != 1.0, "a scaled embedding"),
        (!spec.tied_embeddings, "an output head of its own"),
        (spec.logit_softcap.is_some(), "a soft cap of logits"),
        (spec.rotation.is_some(), "rotated weights"),
        (spec.rope.scaling != domain_types::RopeScaling::None, "RoPE scaling"),
        (spec.experts.is_some_and(|e| e.shared.is_some()), "shared experts"),
        (
            spec.experts.is_some_and(|e| e.gating.norm() != GateNorm::Chosen),
            "weights of experts that do not sum to 1",
        ),
    ];
    match missing.iter().find(|(asked, _)| *asked) {
        Some((_, what)) => Err(TrainError::Unsupported(format!("{} with {what}", spec.architecture))),
        None => Ok(()),
    }
}
