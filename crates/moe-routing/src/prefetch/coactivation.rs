//! Which experts follow which.

use super::top;
use crate::ModelSize;

/// How often each expert of a layer was chosen with each expert of the layer before: affinity between layers, with a
/// slow decay so that it follows a change of topic.
#[derive(Debug, Clone)]
pub struct CoActivation {
    size: ModelSize,
    /// `[layer][expert of it][expert of the next layer]`.
    counts: Vec<f32>,
    scores: Vec<f32>,
}

/// What a count keeps when its expert is chosen again: the last hundred times count.
const DECAY: f32 = 0.99;

impl CoActivation {
    /// A table that knows nothing yet.
    pub fn new(size: ModelSize) -> Self {
        let experts = size.experts();
        Self { size, counts: vec![0.0; size.layers() * experts * experts], scores: vec![0.0; experts] }
    }

    /// A token went to `chosen` in `layer` and to `next` in the layer after it.
    ///
    /// # Panics
    /// If there is no such layer or expert.
    pub fn learn(&mut self, layer: usize, chosen: &[usize], next: &[usize]) {
        for &expert in chosen {
            let row = self.row(layer, expert);
            let counts = &mut self.counts[row];
            for count in &mut *counts {
                *count *= DECAY;
            }
            for &follower in next {
                counts[follower] += 1.0 - DECAY;
            }
        }
    }

    /// The experts of the layer after `layer` that probably follow `chosen`, likeliest first, at most `count`.
    ///
    /// # Panics
    /// If there is no such layer or expert.
    pub fn predict(&mut self, layer: usize, chosen: &[usize], count: usize, next: &mut Vec<usize>) {
        self.scores.fill(0.0);
        for &expert in chosen {
            let row = self.row(layer, expert);
            self.scores.iter_mut().zip(&self.counts[row]).for_each(|(score, n)| *score += n);
        }
        top(&self.scores, count, 0.0, next);
    }

    fn row(&self, layer: usize, expert: usize) -> std::ops::Range<usize> {
        let experts = self.size.experts();
        let start = (layer * experts + expert) * experts;
        start..start + experts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_followed_is_predicted_and_fades() {
        let mut table = CoActivation::new(ModelSize::new(3, 4));
        let mut next = Vec::new();
        table.predict(1, &[0, 2], 2, &mut next);
        assert!(next.is_empty(), "nothing is known yet");
        for _ in 0..50 {
            table.learn(1, &[0, 2], &[3, 1]);
        }
        table.learn(1, &[0], &[2]);
        table.predict(1, &[0, 2], 2, &mut next);
        assert_eq!(next, [1, 3]);
        table.predict(0, &[0, 2], 2, &mut next);
        assert!(next.is_empty(), "layers are apart");
        for _ in 0..300 {
            table.learn(1, &[0], &[2]);
        }
        table.predict(1, &[0], 1, &mut next);
        assert_eq!(next, [2], "the new habit has replaced the old one");
    }
}
