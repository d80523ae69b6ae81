//! Averages between two points of the loss curve.

use super::{LossParts, QatPoint};
use domain_types::Clock;

/// Averages losses between two points of the curve.
pub(super) struct Meter {
    last: f64,
    loss: f64,
    parts: LossParts,
    steps: usize,
    tokens: usize,
}

impl Meter {
    pub(super) fn new(clock: &dyn Clock) -> Self {
        let last = clock.monotonic().as_secs_f64();
        Self { last, loss: 0.0, parts: LossParts::default(), steps: 0, tokens: 0 }
    }

    pub(super) fn add(&mut self, loss: f64, parts: LossParts, tokens: usize) {
        self.loss += loss;
        self.parts = self.parts.plus(&parts, 1.0);
        self.steps += 1;
        self.tokens += tokens;
    }

    pub(super) fn point(&mut self, step: usize, learning_rate: f64, clock: &dyn Clock) -> QatPoint {
        let now = clock.monotonic().as_secs_f64();
        let share = 1.0 / self.steps as f64;
        let point = QatPoint {
            step,
            loss: self.loss * share,
            parts: LossParts::default().plus(&self.parts, share),
            learning_rate,
            tokens_per_second: self.tokens as f64 / (now - self.last).max(1e-9),
        };
        *self = Self { last: now, loss: 0.0, parts: LossParts::default(), steps: 0, tokens: 0 };
        point
    }
}
