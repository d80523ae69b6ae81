//! Rotary position embedding (Su et al. 2021, arXiv 2104.09864) and its context extensions.

mod frequencies;

use domain_types::{DomainError, RopeSpec, RopeStyle};
use frequencies::Frequencies;

/// Rotations of global and of windowed layers, for the positions of one batch.
#[derive(Clone)]
pub(super) struct RopePair {
    global: Rope,
    local: Option<Rope>,
}

impl RopePair {
    /// Windowed layers that have a base of their own are never scaled: their window is as long as in training. Others
    /// turn as global layers do.
    pub(super) fn new(spec: &RopeSpec) -> Result<Self, DomainError> {
        let global = Rope::new(Frequencies::scaled(spec)?, spec);
        let local = spec.local_base.map(|base| Frequencies::unscaled(base, spec.dims)).transpose()?;
        Ok(Self { global, local: local.map(|frequencies| Rope::new(frequencies, spec)) })
    }

    /// Prepares for `tokens` positions from `start` on.
    pub(super) fn turn_to(&mut self, start: usize, tokens: usize) {
        self.global.turn_to(start, tokens);
        if let Some(local) = &mut self.local {
            local.turn_to(start, tokens);
        }
    }

    /// The rotation of a layer.
    pub(super) fn of_layer(&self, windowed: bool) -> &Rope {
        self.local.as_ref().filter(|_| windowed).unwrap_or(&self.global)
    }
}

/// One set of rotations.
#[derive(Clone)]
pub(super) struct Rope {
    frequencies: Frequencies,
    style: RopeStyle,
    /// (cos, sin) per position of the batch and pair.
    turns: Vec<(f32, f32)>,
}

impl Rope {
    fn new(frequencies: Frequencies, spec: &RopeSpec) -> Self {
        Self { frequencies, style: spec.style, turns: Vec::new() }
    }

    fn turn_to(&mut self, start: usize, tokens: usize) {
        let magnitude = self.frequencies.magnitude;
        self.turns.clear();
        for position in start..start + tokens {
            self.turns.extend(self.frequencies.per_position.iter().map(|frequency| {
                let (sin, cos) = (position as f64 * frequency).sin_cos();
                ((cos * magnitude) as f32, (sin * magnitude) as f32)
            }));
        }
    }

    /// Rotates one head of the batch's token `token`; dimensions past the rotated ones stay.
    pub(super) fn rotate(&self, token: usize, head: &mut [f32]) {
        let pairs = self.frequencies.per_position.len();
        let turns = &self.turns[token * pairs..(token + 1) * pairs];
        match self.style {
            RopeStyle::Interleaved => {
                for (pair, &turn) in head.as_chunks_mut::<2>().0.iter_mut().zip(turns) {
                    [pair[0], pair[1]] = turned(pair[0], pair[1], turn);
                }
            }
            RopeStyle::HalfSplit => {
                let (first, second) = head[..2 * pairs].split_at_mut(pairs);
                for ((a, b), &turn) in first.iter_mut().zip(second).zip(turns) {
                    [*a, *b] = turned(*a, *b, turn);
                }
            }
        }
    }
}

fn turned(a: f32, b: f32, (cos, sin): (f32, f32)) -> [f32; 2] {
    [a * cos - b * sin, a * sin + b * cos]
}
