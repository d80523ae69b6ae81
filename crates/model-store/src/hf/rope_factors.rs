//! Llama 3's frequency factors, as a tensor.

use super::config::{Llama3, Rope, RopeKind};
use crate::StoreError;
use domain_types::{QuantTensor, Shape, scalar};
use std::f64::consts::TAU;

/// One factor per rotated pair: 1 for short wavelengths, `factor` for long ones, and a smooth change between
/// (as in llama.cpp's converter). `None` where the model is not scaled so.
pub(super) fn rope_factors(rope: &Rope, head_dim: u32) -> Result<Option<QuantTensor>, StoreError> {
    let RopeKind::Llama3(scaling) = &rope.kind else { return Ok(None) };
    let base = f64::from(rope.theta);
    let bytes: Vec<u8> = (0..head_dim / 2)
        .map(|pair| base.powf(-2.0 * f64::from(pair) / f64::from(head_dim)))
        .flat_map(|frequency| (factor(scaling, TAU / frequency) as f32).to_le_bytes())
        .collect();
    let shape = Shape::vector(bytes.len() / 4)?;
    Ok(Some(QuantTensor::new(scalar::F32, shape, bytes)?))
}

/// The factor for a wavelength, in positions.
fn factor(scaling: &Llama3, wavelength: f64) -> f64 {
    let factor = f64::from(scaling.factor);
    let [low, high] = [scaling.low_freq_factor, scaling.high_freq_factor].map(f64::from);
    let original = f64::from(scaling.original_max_position_embeddings);
    if wavelength < original / high {
        1.0
    } else if wavelength > original / low {
        factor
    } else {
        let smooth = (original / wavelength - low) / (high - low);
        1.0 / ((1.0 - smooth) / factor + smooth)
    }
}
