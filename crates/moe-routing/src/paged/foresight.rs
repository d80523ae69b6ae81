//! What the next layer will probably want.

use crate::ModelSize;
use crate::eviction::Moment;
use crate::prefetch::{CoActivation, NextGates};
use domain_types::ExpertChoice;

/// What is guessed from.
pub(super) struct Foresight {
    follows: CoActivation,
    gates: Option<NextGates>,
    /// The last choice, and where it was made.
    last: (Moment, Vec<usize>),
    guess: Vec<usize>,
}

impl Foresight {
    pub(super) fn new(size: ModelSize, gates: Option<NextGates>) -> Self {
        let last = (Moment::default(), Vec::new());
        Self { follows: CoActivation::new(size), gates, last, guess: Vec::new() }
    }

    /// The layer of the last choice.
    pub(super) fn layer(&self) -> usize {
        self.last.0.layer
    }

    /// Learns from a choice and guesses as many experts of the next layer.
    pub(super) fn see(&mut self, now: Moment, chosen: &[ExpertChoice], hidden: &[f32]) -> &[usize] {
        let Self { follows, gates, last, guess } = self;
        let chosen: Vec<usize> = chosen.iter().map(|c| c.expert).collect();
        let (before, earlier) = &*last;
        if before.pass == now.pass && before.layer + 1 == now.layer {
            follows.learn(before.layer, earlier, &chosen);
        }
        match gates {
            Some(gates) => gates.predict(now.layer + 1, hidden, chosen.len(), guess),
            None => follows.predict(now.layer, &chosen, chosen.len(), guess),
        }
        *last = (now, chosen);
        guess
    }
}
