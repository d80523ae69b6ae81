//! How weights are distributed, and where formats have their levels.

use super::{decoded, json};
use crate::error::WebError;
use domain_types::TensorSource;
use std::f64::consts::PI;

/// Weights per scale: the block of π formats.
const BLOCK: usize = 256;
const BINS: usize = 81;
/// Root mean squares to either side.
const REACH: f32 = 4.0;

#[derive(serde::Serialize)]
struct Histogram {
    tensor: String,
    /// Left end of the first bin and right end of the last, in root mean squares of a weight's block.
    range: [f32; 2],
    counts: Vec<u32>,
    levels: [Levels; 2],
}

#[derive(serde::Serialize)]
struct Levels {
    format: &'static str,
    values: Vec<f64>,
}

/// The feed-forward weights of the middle layer, each divided by its block's root mean square.
pub(super) fn weights(source: &dyn TensorSource) -> Result<String, WebError> {
    let tensor = format!("blk.{}.ffn_up.weight", source.spec()?.layers / 2);
    let weights = decoded(&source.tensor(&tensor)?)?;
    let mut counts = vec![0; BINS];
    for block in weights.chunks(BLOCK) {
        let mean_square = block.iter().map(|w| w * w).sum::<f32>() / block.len() as f32;
        let rms = mean_square.sqrt().max(f32::MIN_POSITIVE);
        for w in block {
            let at = (w / rms + REACH) / (2.0 * REACH) * BINS as f32;
            counts[(at.max(0.0) as usize).min(BINS - 1)] += 1;
        }
    }
    let levels = [grid("piq2", PI / 3.0, -2..=1), grid("piq3", PI / 4.0, -4..=3)];
    Ok(json(&Histogram { tensor, range: [-REACH, REACH], counts, levels }))
}

fn grid(format: &'static str, step: f64, codes: std::ops::RangeInclusive<i32>) -> Levels {
    Levels { format, values: codes.map(|q| f64::from(q) * step).collect() }
}
