//! The distribution of a model's weights, and where formats have their levels.

use crate::context::Context;
use anyhow::{Context as _, Result};
use domain_types::{CodecSet, TensorSource};
use observability::report::{Histogram, LevelMarks};
use std::f64::consts::PI;

/// Weights per scale: the block of π formats.
const BLOCK: usize = 256;
const BINS: usize = 96;

/// Histogram of a middle layer's feed-forward weights, each divided by its block's root mean square.
pub(super) fn weights(context: &Context, source: &dyn TensorSource) -> Result<Histogram> {
    let name = format!("blk.{}.ffn_up.weight", source.spec()?.layers / 2);
    let tensor = source.tensor(&name)?;
    let mut weights = vec![0.0; tensor.shape().elements()];
    context
        .codecs
        .require(tensor.format())?
        .decode(tensor.view(), &mut weights)
        .with_context(|| name.clone())?;
    for block in weights.chunks_mut(BLOCK) {
        let mean_square = block.iter().map(|w| w * w).sum::<f32>() / block.len() as f32;
        let rms = mean_square.sqrt().max(f32::MIN_POSITIVE);
        for w in block {
            *w /= rms;
        }
    }
    let title = format!("Weights of {name} and the levels of π grids");
    let mut histogram = Histogram::of(title, "weight / root mean square of its block of 256", &weights, BINS);
    histogram.levels =
        vec![grid("PiQ3, step π/4", PI / 4.0, -4..=3), grid("PiQ2, step π/3", PI / 3.0, -2..=1)];
    Ok(histogram)
}

fn grid(format: &str, step: f64, codes: std::ops::RangeInclusive<i32>) -> LevelMarks {
    LevelMarks { name: format.into(), values: codes.map(|q| f64::from(q) * step).collect() }
}
