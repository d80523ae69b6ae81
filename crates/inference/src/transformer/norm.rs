//! RMS norm (Zhang and Sennrich 2019, arXiv 1910.07467): x / √(mean(x²) + ε) ⊙ w.

use crate::parallel;

/// An RMS norm with its weight. Gemma's weights are stored with their 1 added, as GGUF has them.
pub(super) struct RmsNorm {
    weight: Vec<f32>,
    eps: f32,
}

impl RmsNorm {
    pub(super) fn new(weight: Vec<f32>, eps: f32) -> Self {
        Self { weight, eps }
    }

    /// Norms rows of `x` into `out`.
    pub(super) fn normalize(&self, x: &[f32], out: &mut [f32]) {
        let width = self.weight.len();
        parallel::for_each_row(out, width, |i, row| {
            let x = &x[i * width..(i + 1) * width];
            let scale = self.scale(x);
            for ((o, x), w) in row.iter_mut().zip(x).zip(&self.weight) {
                *o = x * scale * w;
            }
        });
    }

    /// Norms a row in place.
    pub(super) fn normalize_in_place(&self, row: &mut [f32]) {
        let scale = self.scale(row);
        for (x, w) in row.iter_mut().zip(&self.weight) {
            *x *= scale * w;
        }
    }

    fn scale(&self, x: &[f32]) -> f32 {
        (sum_of_squares(x) / x.len() as f32 + self.eps).sqrt().recip()
    }
}

/// Sixteen running sums: vector registers fill, and rounding grows with len/16.
fn sum_of_squares(x: &[f32]) -> f32 {
    let (chunks, rest) = x.as_chunks::<16>();
    let mut sums = [0.0; 16];
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += x * x;
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|x| x * x).sum::<f32>()
}
