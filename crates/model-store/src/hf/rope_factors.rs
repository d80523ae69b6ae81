//! Llama 3's frequency factors, as a tensor.

use super::config::Rope;
use crate::StoreError;
use domain_types::{QuantTensor, Shape, scalar};
use std::f64::consts::TAU;

/// One factor per rotated pair: 1 for short wavelengths, `factor` for long ones, and a smooth change between
/// (as in llama.cpp's converter). `None` where the model is not scaled so.
pub(super) fn rope_factors(rope: &Rope, head_dim: u32) -> Result<Option<QuantTensor>, StoreError> {
    if rope.rope_type.as_deref() != Some("llama3") {
        return Ok(None);
    }
    let base = f64::from(rope.rope_theta.unwrap_or(10_000.0));
    let bytes: Vec<u8> = (0..head_dim / 2)
        .map(|pair| base.powf(-2.0 * f64::from(pair) / f64::from(head_dim)))
        .flat_map(|frequency| (factor(rope, TAU / frequency) as f32).to_le_bytes())
        .collect();
    let shape = Shape::vector(bytes.len() / 4)?;
    Ok(Some(QuantTensor::new(scalar::F32, shape, bytes)?))
}

/// The factor for a wavelength, in positions.
fn factor(rope: &Rope, wavelength: f64) -> f64 {
    let factor = f64::from(rope.factor.unwrap_or(8.0));
    let low = f64::from(rope.low_freq_factor.unwrap_or(1.0));
    let high = f64::from(rope.high_freq_factor.unwrap_or(4.0));
    let original = f64::from(rope.original_max_position_embeddings.unwrap_or(8192));
    if wavelength < original / high {
        1.0
    } else if wavelength > original / low {
        factor
    } else {
        let smooth = (original / wavelength - low) / (high - low);
        1.0 / ((1.0 - smooth) / factor + smooth)
    }
}
