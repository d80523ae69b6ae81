//! Traces of models that nobody has at hand, made of what is known about them.

mod random;

use crate::MoeError;
use crate::trace::{RoutingTrace, TraceHeader};
use domain_types::{GateNorm, Gating};
use random::Random;

/// How a synthetic trace is made. Logits of an expert are
/// `popularity + spread·u`, where popularity falls with the logarithm of the expert's rank, so that use falls as a power of
/// the rank, and u is normal noise whose correlation from token to token, `persistence`, makes temporal locality.
#[derive(Debug, Clone, PartialEq)]
pub struct SyntheticTrace {
    header: TraceHeader,
    tokens: usize,
    seed: u64,
    skew: f32,
    spread: f32,
    /// Correlation of noise from one token to the next, per layer.
    persistence: Vec<f32>,
    domains: usize,
    /// Tokens of one domain in a row.
    run: usize,
}

impl SyntheticTrace {
    /// Mixtral 8x7B at 4.5 bits per weight: 32 layers, 2 of 8 experts of 99 MB.
    ///
    /// Persistence is set so that one expert or both were chosen for the token before, too, of 48% of tokens in the first
    /// layer, 64% in layer 15 and 51% in the last; chance is 46%. That middle layers repeat most is what Jiang et al. 2024
    /// (arXiv 2401.04088) report; the numbers are this generator's, not a quotation. Layers between are interpolated. Use
    /// falls with the rank to the power of −0.3 or so, so that no expert dominates.
    pub fn mixtral(tokens: usize, seed: u64) -> Self {
        const LAYERS: usize = 32;
        const EXPERT_BYTES: u64 = 3 * 4096 * 14336 * 9 / 16;
        let gating = Gating::new(8, 2, GateNorm::Chosen).expect("2 of 8");
        let header = TraceHeader::new(LAYERS, gating, EXPERT_BYTES).expect("within limits");
        let persistence = |layer: usize| match layer {
            0..=15 => FIRST + (MIDDLE - FIRST) * layer as f32 / 15.0,
            _ => MIDDLE + (LAST - MIDDLE) * (layer - 15) as f32 / 16.0,
        };
        let persistence = (0..LAYERS).map(persistence).collect();
        Self { header, tokens, seed, skew: 0.25, spread: 1.0, persistence, domains: 1, run: tokens.max(1) }
    }

    /// Texts of several domains in turn, `run` tokens of each: every domain has experts of its own that it prefers, more
    /// strongly than [`mixtral`](Self::mixtral) does, and noise persists by half.
    pub fn interleaved(header: TraceHeader, domains: usize, run: usize, tokens: usize, seed: u64) -> Self {
        let persistence = vec![0.5; header.layers()];
        let (domains, run) = (domains.max(1), run.max(1));
        Self { header, tokens, seed, skew: 1.5, spread: 1.0, persistence, domains, run }
    }

    /// Makes the trace: the same seed makes the same trace.
    pub fn generate(&self) -> Result<RoutingTrace, MoeError> {
        let (layers, experts) = (self.header.layers(), self.header.gating().experts());
        let mut random = Random::new(self.seed);
        let popularity: Vec<Vec<f32>> =
            (0..self.domains).map(|_| self.popularity(&mut random, layers, experts)).collect();
        let mut noise: Vec<f32> = (0..layers * experts).map(|_| random.normal()).collect();
        let mut logits = vec![0.0; layers * experts];
        let mut trace = RoutingTrace::new(self.header);
        for token in 0..self.tokens {
            let domain = token / self.run % self.domains;
            for (i, noise) in noise.iter_mut().enumerate() {
                let r = self.persistence[i / experts];
                *noise = r * *noise + (1.0 - r * r).sqrt() * random.normal();
                logits[i] = popularity[domain][i] + self.spread * *noise;
            }
            let name = if self.domains > 1 { format!("domain {domain}") } else { String::new() };
            trace.push(&name, &logits)?;
        }
        Ok(trace)
    }

    /// −skew·ln(rank) for each expert of each layer, ranks in random order.
    fn popularity(&self, random: &mut Random, layers: usize, experts: usize) -> Vec<f32> {
        let mut all = Vec::with_capacity(layers * experts);
        for _ in 0..layers {
            let mut ranks: Vec<usize> = (1..=experts).collect();
            random.shuffle(&mut ranks);
            all.extend(ranks.iter().map(|&rank| -self.skew * (rank as f32).ln()));
        }
        all
    }
}

/// Persistence of Mixtral's first layer, of layer 15 and of the last.
const FIRST: f32 = 0.0;
const MIDDLE: f32 = 0.27;
const LAST: f32 = 0.05;
