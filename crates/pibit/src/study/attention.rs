//! Attention scores of random inputs.
//!
//! Inputs are normal, RMS-normed and multiplied by the norm's gain, as a layer's own are. Scores are the causal softmax
//! of q·k; positions (RoPE), biases and norms of heads are left out, since quantization does not touch them. The error
//! is relative: ‖P̂ − P‖ / ‖P‖ over all heads and inputs.

use super::layer::Matrix;
use super::random::Distribution;
use domain_types::AttentionSpec;

/// Inputs, as many as keys are attended to at most.
const TOKENS: usize = 64;
const SEED: u64 = 77;

/// Inputs of a layer and the shape of its attention.
pub(crate) struct AttentionProbe {
    /// Tokens × width.
    inputs: Vec<f32>,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    scale: f32,
}

impl AttentionProbe {
    /// `gain` is that of the norm before the projections, as wide as their rows.
    pub(super) fn new(spec: &AttentionSpec, gain: &[f32]) -> Self {
        let mut inputs = Distribution::Normal.weights(SEED, TOKENS * gain.len());
        for token in inputs.chunks_exact_mut(gain.len()) {
            let mean_square = token.iter().map(|x| x * x).sum::<f32>() / gain.len() as f32;
            for (x, gain) in token.iter_mut().zip(gain) {
                *x *= gain / mean_square.sqrt();
            }
        }
        let AttentionSpec { heads, kv_heads, head_dim, scale, .. } = *spec;
        Self { inputs, heads, kv_heads, head_dim, scale }
    }

    /// Whether projections have the rows and columns that the probe expects.
    pub(super) fn fits(&self, query: &Matrix, key: &Matrix) -> bool {
        let width = self.inputs.len() / TOKENS;
        let is = |m: &Matrix, heads| m.shape.rows() == heads * self.head_dim && m.shape.row_len() == width;
        is(query, self.heads) && is(key, self.kv_heads)
    }

    /// Scores, head after head: the row of each input, over itself and those before it.
    pub(super) fn scores(&self, query: &[f32], key: &[f32]) -> Vec<f32> {
        let (queries, keys) = (self.project(query), self.project(key));
        let mut scores = Vec::with_capacity(self.heads * TOKENS * (TOKENS + 1) / 2);
        for head in 0..self.heads {
            let (q_at, k_at) = (head, head * self.kv_heads / self.heads);
            for token in 0..TOKENS {
                let q = self.head(&queries, self.heads, token, q_at);
                let start = scores.len();
                let products =
                    (0..=token).map(|t| self.scale * dot(q, self.head(&keys, self.kv_heads, t, k_at)));
                scores.extend(products);
                softmax(&mut scores[start..]);
            }
        }
        scores
    }

    fn head<'a>(&self, all: &'a [f32], heads: usize, token: usize, head: usize) -> &'a [f32] {
        &all[(token * heads + head) * self.head_dim..][..self.head_dim]
    }

    /// Tokens × rows of the projection.
    fn project(&self, weights: &[f32]) -> Vec<f32> {
        let width = self.inputs.len() / TOKENS;
        let tokens = self.inputs.chunks_exact(width);
        tokens.flat_map(|x| weights.chunks_exact(width).map(move |row| dot(row, x))).collect()
    }
}

/// Σ(a − b)² and Σa².
pub(super) fn squares(a: &[f32], b: &[f32]) -> [f64; 2] {
    a.iter().zip(b).fold([0.0; 2], |[error, energy], (&a, &b)| {
        [error + f64::from(a - b).powi(2), energy + f64::from(a).powi(2)]
    })
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

fn softmax(x: &mut [f32]) {
    let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0.0;
    for x in &mut *x {
        *x = (*x - largest).exp();
        total += *x;
    }
    for x in x {
        *x /= total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe() -> AttentionProbe {
        AttentionProbe {
            inputs: Distribution::Normal.weights(1, TOKENS * 8),
            heads: 2,
            kv_heads: 1,
            head_dim: 4,
            scale: 0.5,
        }
    }

    #[test]
    fn scores_are_distributions_over_the_past() {
        let scores =
            probe().scores(&Distribution::Normal.weights(2, 64), &Distribution::Normal.weights(3, 32));
        assert_eq!(scores.len(), 2 * TOKENS * (TOKENS + 1) / 2);
        let mut at = 0;
        for _ in 0..2 {
            for token in 0..TOKENS {
                let total: f32 = scores[at..=at + token].iter().sum();
                assert!((total - 1.0).abs() < 1e-5);
                at += token + 1;
            }
        }
    }

    /// Both heads have the same query projection and share the key: their scores are the same.
    #[test]
    fn query_heads_share_a_key_head() {
        let head = Distribution::Normal.weights(2, 32);
        let scores = probe().scores(&[&head[..], &head[..]].concat(), &Distribution::Normal.weights(3, 32));
        let (first, second) = scores.split_at(scores.len() / 2);
        assert_eq!(first, second);
        assert_eq!(squares(first, second)[0], 0.0);
    }
}
