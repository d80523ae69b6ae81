//! Where weights come from.

use super::attention::AttentionProbe;
use super::layer::{Attention, Layer, Matrix};
use super::random::Distribution;
use crate::context::Context;
use crate::model_ref::ModelRef;
use anyhow::{Context as _, Result, bail};
use domain_types::{AttentionSpec, CodecSet, Shape, TensorInfo, TensorSource};
use std::fmt;

/// Width of the heads of synthetic layers.
const HEAD_DIM: usize = 64;

/// Weights of one kind, layer by layer.
pub(crate) enum Source {
    /// One layer of two square matrices.
    Synthetic { distribution: Distribution, side: usize },
    /// Some layers of a model.
    Model { name: String, model: Box<dyn TensorSource>, layers: Vec<usize> },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Synthetic { distribution, .. } => f.write_str(distribution.name()),
            Self::Model { name, .. } => f.write_str(name),
        }
    }
}

impl Source {
    /// `count` layers of a model, evenly spaced from the first to the last.
    pub(super) fn model(context: &Context, name: &ModelRef, count: usize) -> Result<Self> {
        let model = name.open(context)?;
        let all = model.spec()?.layers;
        let count = count.clamp(1, all);
        let layers = (0..count).map(|i| i * (all - 1) / (count - 1).max(1)).collect();
        Ok(Self::Model { name: name.to_string(), model, layers })
    }

    pub(super) fn layers(&self) -> usize {
        match self {
            Self::Synthetic { .. } => 1,
            Self::Model { layers, .. } => layers.len(),
        }
    }

    /// Layer `index` of those that are measured.
    pub(super) fn layer(&self, context: &Context, index: usize) -> Result<Layer> {
        match self {
            Self::Synthetic { distribution, side } => synthetic(*distribution, *side),
            Self::Model { model, layers, .. } => of_model(context, &**model, layers[index]),
        }
    }
}

/// Weights of variance 1/side, so that projections keep the variance of their inputs.
fn synthetic(distribution: Distribution, side: usize) -> Result<Layer> {
    let shape = Shape::matrix(side, side)?;
    let scale = (side as f32).sqrt().recip();
    let matrix = |seed| {
        let weights = distribution.weights(seed, side * side).into_iter().map(|w| w * scale).collect();
        Matrix { shape, weights }
    };
    let heads = side / HEAD_DIM;
    let spec = AttentionSpec {
        heads,
        kv_heads: heads,
        head_dim: HEAD_DIM,
        scale: (HEAD_DIM as f32).sqrt().recip(),
        qkv_bias: false,
        qk_norm: false,
        sliding_window: None,
    };
    let probe = AttentionProbe::new(&spec, &vec![1.0; side]);
    let attention = Some(Attention { query: 0, key: 1, probe });
    Ok(Layer { matrices: vec![matrix(1), matrix(2)], attention })
}

fn of_model(context: &Context, model: &dyn TensorSource, index: usize) -> Result<Layer> {
    let prefix = format!("blk.{index}.");
    let infos: Vec<&TensorInfo> =
        model.tensors().iter().filter(|t| t.is_matrix() && t.name.starts_with(&prefix)).collect();
    if infos.is_empty() {
        bail!("the model has no matrix named {prefix}*");
    }
    let mut matrices = Vec::with_capacity(infos.len());
    for info in &infos {
        let weights = decode(context, model, &info.name).with_context(|| info.name.clone())?;
        if !weights.len().is_multiple_of(256) {
            bail!("{} is {}: its weights do not fill blocks of 256", info.name, info.shape);
        }
        matrices.push(Matrix { shape: info.shape, weights });
    }
    let at = |suffix: &str| infos.iter().position(|t| t.name[prefix.len()..] == *suffix);
    let attention = match (at("attn_q.weight"), at("attn_k.weight")) {
        (Some(query), Some(key)) => {
            let gain = decode(context, model, &format!("{prefix}attn_norm.weight"))?;
            let probe = AttentionProbe::new(&model.spec()?.attention, &gain);
            let fits = probe.fits(&matrices[query], &matrices[key]);
            fits.then_some(Attention { query, key, probe })
        }
        _ => None,
    };
    Ok(Layer { matrices, attention })
}

fn decode(context: &Context, model: &dyn TensorSource, name: &str) -> Result<Vec<f32>> {
    let tensor = model.tensor(name)?;
    let mut weights = vec![0.0; tensor.shape().elements()];
    context.codecs.require(tensor.format())?.decode(tensor.view(), &mut weights)?;
    Ok(weights)
}
