//! Rotary position embedding (Su et al. 2021, arXiv 2104.09864), as x ⊙ cos + (x · P) ⊙ sin.
//!
//! P is a signed permutation that puts the partner of each dimension in its place. As a small matrix product it works
//! for any choice of pairs, and its gradient costs nothing to write.

use burn::tensor::{Device, Tensor, TensorData};
use domain_types::{RopeSpec, RopeStyle};

/// Tables for positions 0 to `length − 1`.
pub(super) struct Rope {
    cos: Tensor<2>,
    sin: Tensor<2>,
    partner: Tensor<2>,
}

impl Rope {
    pub(super) fn new(spec: &RopeSpec, head_dim: usize, length: usize, device: &Device) -> Self {
        let pairs: Vec<(usize, usize)> = (0..spec.dims / 2)
            .map(|i| match spec.style {
                RopeStyle::Interleaved => (2 * i, 2 * i + 1),
                RopeStyle::HalfSplit => (i, i + spec.dims / 2),
            })
            .collect();
        let mut cos = vec![1.0_f32; length * head_dim];
        let mut sin = vec![0.0_f32; length * head_dim];
        let mut partner = vec![0.0_f32; head_dim * head_dim];
        for (i, &(first, second)) in pairs.iter().enumerate() {
            // y₁ = x₁ cos − x₂ sin, y₂ = x₂ cos + x₁ sin
            partner[second * head_dim + first] = -1.0;
            partner[first * head_dim + second] = 1.0;
            let frequency = f64::from(spec.base).powf(-2.0 * i as f64 / spec.dims as f64);
            for position in 0..length {
                let (s, c) = (position as f64 * frequency).sin_cos();
                for dim in [first, second] {
                    cos[position * head_dim + dim] = c as f32;
                    sin[position * head_dim + dim] = s as f32;
                }
            }
        }
        let table = |values, dims: [usize; 2]| Tensor::from_data(TensorData::new(values, dims), device);
        Self {
            cos: table(cos, [length, head_dim]),
            sin: table(sin, [length, head_dim]),
            partner: table(partner, [head_dim, head_dim]),
        }
    }

    /// Rotates `[…, length, head_dim]`, given as `[groups, length, head_dim]`.
    pub(super) fn rotate(&self, x: Tensor<3>) -> Tensor<3> {
        let [groups, length, head_dim] = x.dims();
        let partner = x.clone().reshape([groups * length, head_dim]).matmul(self.partner.clone());
        let partner = partner.reshape([groups, length, head_dim]);
        x * self.cos.clone().unsqueeze::<3>() + partner * self.sin.clone().unsqueeze::<3>()
    }
}
