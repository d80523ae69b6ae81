//! A small cache of experts in front of a row of text.

use crate::random::Rng;

/// The experts of one layer that would be in memory, least recently used first.
pub(super) struct RowMemory {
    resident: Vec<usize>,
    range_sum: f32,
    tokens: f32,
}

impl RowMemory {
    /// Begins with `count` experts by chance: what the text before left there.
    pub(super) fn new(experts: usize, count: usize, rng: &mut Rng) -> Self {
        let all: Vec<usize> = (0..experts).collect();
        Self { resident: rng.pick_some(&all, count), range_sum: 0.0, tokens: 0.0 }
    }

    /// λ·Δ for experts in memory, where Δ is the mean so far of the range of logits.
    pub(super) fn bonus(&mut self, logits: &[f32], lambda: f32) -> Vec<f32> {
        let least = logits.iter().copied().fold(f32::INFINITY, f32::min);
        let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        self.range_sum += greatest - least;
        self.tokens += 1.0;
        let bonus = lambda * self.range_sum / self.tokens;
        (0..logits.len()).map(|e| if self.resident.contains(&e) { bonus } else { 0.0 }).collect()
    }

    pub(super) fn mark_absent(&self, absent: &mut [f32]) {
        absent.fill(1.0);
        for &expert in &self.resident {
            absent[expert] = 0.0;
        }
    }

    /// Makes room for an expert and puts it last.
    pub(super) fn used(&mut self, expert: usize) {
        let Some(oldest) = self.resident.first().copied() else { return };
        let leaves = if self.resident.contains(&expert) { expert } else { oldest };
        self.resident.retain(|&e| e != leaves);
        self.resident.push(expert);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_leaves() {
        let mut memory = RowMemory { resident: vec![4, 7], range_sum: 0.0, tokens: 0.0 };
        memory.used(4);
        memory.used(2);
        assert_eq!(memory.resident, [4, 2]);
        let mut absent = [0.0; 8];
        memory.mark_absent(&mut absent);
        assert_eq!(absent, [1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn the_bonus_is_a_share_of_the_mean_range() {
        let mut memory = RowMemory { resident: vec![1], range_sum: 0.0, tokens: 0.0 };
        assert_eq!(memory.bonus(&[0.0, 1.0, 2.0], 0.5), [0.0, 1.0, 0.0]);
        assert_eq!(memory.bonus(&[0.0, 0.0, 6.0], 0.5), [0.0, 2.0, 0.0]);
    }
}
