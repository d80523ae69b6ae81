//! Which tensor gets which format under a budget of bytes: the multiple-choice knapsack, solved exactly.
//!
//! Each item (tensor) takes one of its choices (formats), each of so many bytes and such a loss; the sum of losses is to
//! be least among all selections whose bytes sum to the budget at most. States are sums of bytes and losses over the
//! first items; one that another beats in both is dropped, and so is one that cannot beat the best selection known: for
//! any price λ ≥ 0 of a byte, a state's loss and the least Σ loss + λ·bytes of the items left, less λ times what is left
//! of the budget, is a bound (Kellerer, Pferschy and Pisinger, Knapsack Problems, 2004, chapter 11).

mod price;
#[cfg(test)]
mod tests;

use price::Price;

/// One way to store an item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Bytes that it takes.
    pub bytes: u64,
    /// What it costs in quality: not negative, finite.
    pub loss: f64,
}

/// A selection: one choice for each item.
#[derive(Debug, Clone, PartialEq)]
pub struct Allocation {
    /// The index of each item's choice.
    pub chosen: Vec<usize>,
    /// Bytes of all.
    pub bytes: u64,
    /// Loss of all.
    pub loss: f64,
}

impl Allocation {
    fn of(items: &[Vec<Choice>], chosen: Vec<usize>) -> Self {
        let choices = || items.iter().zip(&chosen).map(|(choices, &at)| choices[at]);
        let (bytes, loss) = (choices().map(|c| c.bytes).sum(), choices().map(|c| c.loss).sum());
        Self { chosen, bytes, loss }
    }
}

/// The selection of least loss that fits into `budget` bytes; `None` where even the smallest does not.
///
/// # Panics
/// If an item has no choice, or a loss is negative or not finite.
pub fn allocate(items: &[Vec<Choice>], budget: u64) -> Option<Allocation> {
    for choice in items.iter().flat_map(|choices| {
        assert!(!choices.is_empty(), "every item needs a choice");
        choices
    }) {
        assert!(choice.loss.is_finite() && choice.loss >= 0.0, "losses must be finite and not negative");
    }
    let price = Price::of(items, budget)?;
    let known = Allocation::of(items, price.affordable(items, budget));
    Some(search(items, budget, &price, known))
}

/// Selections on the lower convex hull of all (bytes, loss), from the smallest to the least loss: the Pareto front as
/// far as prices find it.
pub fn pareto_front(items: &[Vec<Choice>]) -> Vec<Allocation> {
    price::hull(items).into_iter().map(|chosen| Allocation::of(items, chosen)).collect()
}

/// A sum over the first items.
#[derive(Clone, Copy)]
struct State {
    bytes: u64,
    loss: f64,
    /// Place among the states before the last item, and the last item's choice.
    from: (u32, u32),
}

fn search(items: &[Vec<Choice>], budget: u64, price: &Price, known: Allocation) -> Allocation {
    let mut layers: Vec<Vec<State>> = Vec::with_capacity(items.len());
    let mut states = vec![State { bytes: 0, loss: 0.0, from: (0, 0) }];
    for (item, choices) in items.iter().enumerate() {
        let mut next = Vec::with_capacity(states.len() * choices.len());
        for (place, state) in states.iter().enumerate() {
            for (at, choice) in choices.iter().enumerate() {
                let (bytes, loss) = (state.bytes.saturating_add(choice.bytes), state.loss + choice.loss);
                if bytes <= budget && price.bound(item + 1, bytes, loss, budget) < known.loss {
                    next.push(State { bytes, loss, from: (place as u32, at as u32) });
                }
            }
        }
        keep_undominated(&mut next);
        layers.push(std::mem::replace(&mut states, next));
    }
    let better = states.last().filter(|state| state.loss < known.loss);
    let Some(mut best) = better.copied() else { return known };
    let mut chosen = vec![0; items.len()];
    for (item, layer) in layers.iter().enumerate().rev() {
        chosen[item] = best.from.1 as usize;
        best = layer[best.from.0 as usize];
    }
    Allocation::of(items, chosen)
}

/// Leaves states of growing bytes and falling loss.
fn keep_undominated(states: &mut Vec<State>) {
    states.sort_by(|a, b| a.bytes.cmp(&b.bytes).then(a.loss.total_cmp(&b.loss)));
    let mut least = f64::INFINITY;
    states.retain(|state| {
        let better = state.loss < least;
        least = least.min(state.loss);
        better
    });
}
