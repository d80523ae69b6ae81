//! The Lagrangian of the knapsack: a byte has a price, and each item takes what is cheapest.

use super::{Allocation, Choice};

/// Halvings of the interval that holds the price.
const STEPS: usize = 100;

/// A price λ of a byte, near that at which a budget is spent.
pub(super) struct Price {
    of_byte: f64,
    /// Least Σ loss + λ·bytes of the items from each on.
    rest: Vec<f64>,
}

impl Price {
    /// The least price, nearly, at which what items take fits; `None` where nothing does.
    pub(super) fn of(items: &[Vec<Choice>], budget: u64) -> Option<Self> {
        let smallest: u64 = items.iter().filter_map(|choices| choices.iter().map(|c| c.bytes).min()).sum();
        if smallest > budget {
            return None;
        }
        let fits = |price: f64| Allocation::of(items, cheapest(items, price)).bytes <= budget;
        let (mut low, mut high) = (0.0, highest(items));
        for _ in 0..STEPS {
            let middle = f64::midpoint(low, high);
            if fits(middle) { high = middle } else { low = middle }
        }
        let of_byte = if fits(0.0) { 0.0 } else { high };
        let mut rest = vec![0.0; items.len() + 1];
        for (item, choices) in items.iter().enumerate().rev() {
            rest[item] = rest[item + 1] + choices[least(choices, of_byte)].cost(of_byte);
        }
        Some(Self { of_byte, rest })
    }

    /// No selection that goes on from a state before `item` has less loss than this.
    pub(super) fn bound(&self, item: usize, bytes: u64, loss: f64, budget: u64) -> f64 {
        loss + self.rest[item] - self.of_byte * (budget - bytes) as f64
    }

    /// A selection within the budget: the cheapest, and what is left spent where a byte gains most.
    pub(super) fn affordable(&self, items: &[Vec<Choice>], budget: u64) -> Vec<usize> {
        let mut chosen = cheapest(items, self.of_byte);
        let mut left = budget.saturating_sub(Allocation::of(items, chosen.clone()).bytes);
        loop {
            let mut best: Option<(f64, usize, usize)> = None;
            for (item, choices) in items.iter().enumerate() {
                let now = choices[chosen[item]];
                for (at, choice) in choices.iter().enumerate().filter(|(_, c)| c.loss < now.loss) {
                    let more = choice.bytes.saturating_sub(now.bytes);
                    let gain = (now.loss - choice.loss) / more.max(1) as f64;
                    if more <= left && best.is_none_or(|(most, ..)| gain > most) {
                        best = Some((gain, item, at));
                    }
                }
            }
            let Some((_, item, at)) = best else { return chosen };
            left = left + items[item][chosen[item]].bytes - items[item][at].bytes;
            chosen[item] = at;
        }
    }
}

impl Choice {
    fn cost(&self, price: f64) -> f64 {
        self.loss + price * self.bytes as f64
    }
}

/// Of each item the choice of least cost; the smaller where two cost the same.
fn cheapest(items: &[Vec<Choice>], price: f64) -> Vec<usize> {
    items.iter().map(|choices| least(choices, price)).collect()
}

fn least(choices: &[Choice], price: f64) -> usize {
    let order = |a: &usize, b: &usize| {
        let (a, b) = (&choices[*a], &choices[*b]);
        a.cost(price).total_cmp(&b.cost(price)).then(a.bytes.cmp(&b.bytes))
    };
    (0..choices.len()).min_by(order).unwrap_or_default()
}

/// A price at which every item takes its smallest choice.
fn highest(items: &[Vec<Choice>]) -> f64 {
    items.iter().flatten().map(|choice| choice.loss).fold(0.0, f64::max) + 1.0
}

/// All different selections that some price makes, from the smallest on: each item walks along its own hull, and the
/// steps of all items come in the order of what a byte gains.
pub(super) fn hull(items: &[Vec<Choice>]) -> Vec<Vec<usize>> {
    let mut chosen: Vec<usize> = items.iter().map(|choices| least(choices, highest(items))).collect();
    let mut steps = Vec::new();
    for (item, choices) in items.iter().enumerate() {
        let (mut at, mut slope) = (chosen[item], f64::INFINITY);
        while let Some((gain, next)) = steepest(choices, at) {
            // Steps on one line gain alike; rounded apart, an item's second step must not come before its first.
            slope = gain.min(slope);
            steps.push((slope, item, next));
            at = next;
        }
    }
    steps.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut front = vec![chosen.clone()];
    for (_, item, next) in steps {
        chosen[item] = next;
        front.push(chosen.clone());
    }
    front
}

/// The larger choice that gains most per byte over the one at `at`.
fn steepest(choices: &[Choice], at: usize) -> Option<(f64, usize)> {
    let now = choices[at];
    let larger = choices.iter().enumerate().filter(|(_, c)| c.bytes > now.bytes && c.loss < now.loss);
    larger
        .map(|(next, c)| ((now.loss - c.loss) / (c.bytes - now.bytes) as f64, next))
        .max_by(|a, b| a.0.total_cmp(&b.0))
}
