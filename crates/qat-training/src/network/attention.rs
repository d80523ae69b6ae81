//! Causal grouped-query attention (Ainslie et al. 2023, arXiv 2305.13245).

use super::project::project;
use super::rope::Rope;
use super::rounded_cache::RoundedCache;
use super::start::Start;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData, activation};
use domain_types::ModelSpec;

/// Matrices are `[out, in]`.
#[derive(Module, Debug)]
pub(crate) struct Attention {
    pub(super) q: Param<Tensor<2>>,
    pub(super) k: Param<Tensor<2>>,
    pub(super) v: Param<Tensor<2>>,
    pub(super) output: Param<Tensor<2>>,
}

/// What all layers share in one pass: sizes, RoPE tables and the causal mask.
pub(super) struct Geometry {
    batch: usize,
    length: usize,
    kv_heads: usize,
    /// Query heads of each key head.
    group: usize,
    head_dim: usize,
    scale: f32,
    rope: Rope,
    /// 0 where a position may look, −10⁹ where not: `[1, 1, length, length]`.
    mask: Tensor<4>,
    /// What the key–value cache makes of keys and values, where that is trained.
    cache: Option<RoundedCache>,
}

impl Geometry {
    pub(super) fn new(spec: &ModelSpec, batch: usize, length: usize, device: &Device) -> Self {
        let a = &spec.attention;
        let hidden = |i: usize| if i % length > i / length { -1e9_f32 } else { 0.0 };
        let mask: Vec<f32> = (0..length * length).map(hidden).collect();
        Self {
            batch,
            length,
            kv_heads: a.kv_heads,
            group: a.heads / a.kv_heads,
            head_dim: a.head_dim,
            scale: a.scale,
            rope: Rope::new(&spec.rope, a.head_dim, length, device),
            mask: Tensor::from_data(TensorData::new(mask, [1, 1, length, length]), device),
            cache: None,
        }
    }

    /// The same with a cache that rounds.
    pub(super) fn with_cache(self, cache: Option<RoundedCache>) -> Self {
        Self { cache, ..self }
    }

    /// `[batch × length, heads × head_dim]` to `[batch × heads, length, head_dim]`.
    fn split(&self, x: Tensor<2>, heads: usize) -> Tensor<3> {
        let [b, t, d] = [self.batch, self.length, self.head_dim];
        x.reshape([b, t, heads, d]).swap_dims(1, 2).reshape([b * heads, t, d])
    }
}

impl Attention {
    pub(super) fn new(spec: &ModelSpec, start: &mut Start<'_>) -> Self {
        let (width, q, kv) = (spec.width, spec.q_width(), spec.kv_width());
        let deviation = (width as f32).sqrt().recip();
        let residual = (q as f32 * 2.0 * spec.layers as f32).sqrt().recip();
        Self {
            q: start.weights([q, width], deviation),
            k: start.weights([kv, width], deviation),
            v: start.weights([kv, width], deviation),
            output: start.weights([width, q], residual),
        }
    }

    pub(super) fn forward(&self, x: &Tensor<2>, g: &Geometry) -> Tensor<2> {
        let [b, t, d] = [g.batch, g.length, g.head_dim];
        let projected = |weight: &Param<Tensor<2>>| project(x.clone(), weight);
        let q = g.rope.rotate(g.split(projected(&self.q), g.kv_heads * g.group)).mul_scalar(g.scale);
        let k = g.rope.rotate(g.split(projected(&self.k), g.kv_heads));
        let v = g.split(projected(&self.v), g.kv_heads);
        let (k, v) = match &g.cache {
            Some(cache) => cache.round(k, v),
            None => (k, v),
        };
        // The queries that share a key head are rows of one product, so keys are never copied.
        let rows = [b * g.kv_heads, g.group * t, d];
        let scores = q.reshape(rows).matmul(k.swap_dims(1, 2));
        let scores = scores.reshape([b * g.kv_heads, g.group, t, t]) + g.mask.clone();
        let weights = activation::softmax(scores, 3).reshape([b * g.kv_heads, g.group * t, t]);
        let mixed = weights.matmul(v).reshape([b, g.kv_heads * g.group, t, d]);
        let mixed = mixed.swap_dims(1, 2).reshape([b * t, g.kv_heads * g.group * d]);
        project(mixed, &self.output)
    }
}
