//! What the cache gives back, for training.

use super::cold::group;
use super::options::KvOptions;
use super::panel::{Fit, MOST_SHARING, quantize};
use super::rotation::rotate_heads;
use domain_types::KvRounding;
use half::f16;

/// Rounds keys and values as a cache with these options does once they are cold.
#[derive(Debug, Clone, Copy)]
pub struct ColdRounding {
    options: KvOptions,
}

impl ColdRounding {
    /// The rounding of a cache. With F16 numbers lose what they lose in the tail, with F32 nothing.
    pub fn new(options: KvOptions) -> Self {
        Self { options }
    }

    fn round(&self, numbers: &mut [f32], head_dim: usize, bits: Option<usize>, fit: Fit) {
        let rotated = self.options.rotated && bits.is_some();
        if rotated {
            rotate_heads(numbers, head_dim);
        }
        if self.options.format != super::KvFormat::F32 {
            for x in numbers.iter_mut() {
                *x = f16::from_f32(*x).to_f32();
            }
        }
        if let Some(bits) = bits {
            let width = group(head_dim);
            let vectors = numbers.chunks_exact_mut(head_dim);
            vectors.flat_map(|vector| vector.chunks_mut(width)).for_each(|x| round(x, bits, fit, width));
        }
        if rotated {
            rotate_heads(numbers, head_dim);
        }
    }
}

/// Rounds up to `width` numbers that share a step, in place.
fn round(x: &mut [f32], bits: usize, fit: Fit, width: usize) {
    // A group that is not full repeats a number, as in the store: that does not widen its range.
    let mut padded = [x[0]; MOST_SHARING];
    padded[..x.len()].copy_from_slice(x);
    let mut codes = [0; MOST_SHARING];
    let (step, offset) = quantize(&padded[..width], bits, fit, &mut codes);
    for (x, code) in x.iter_mut().zip(codes) {
        *x = offset.to_f32() + step.to_f32() * f32::from(code);
    }
}

impl KvRounding for ColdRounding {
    fn round_keys(&self, keys: &mut [f32], head_dim: usize) {
        let bits = self.options.format.cold_bits().map(|(keys, _)| keys);
        self.round(keys, head_dim, bits, Fit::LeastSquares);
    }

    fn round_values(&self, values: &mut [f32], head_dim: usize) {
        let bits = self.options.format.cold_bits().map(|(_, values)| values);
        self.round(values, head_dim, bits, Fit::Unshrunk);
    }
}
