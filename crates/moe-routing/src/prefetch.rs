//! Loading experts before they are wanted: who guesses what, and the threads that load it.

mod coactivation;
mod gates;
mod prefetcher;

pub use coactivation::CoActivation;
pub use gates::NextGates;
pub use prefetcher::Prefetcher;

/// Writes the indices of the greatest positive scores to `best` (cleared first), greatest first, at most `count`.
fn top(scores: &[f32], count: usize, least: f32, best: &mut Vec<usize>) {
    best.clear();
    best.extend((0..scores.len()).filter(|&i| scores[i] > least));
    best.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    best.truncate(count);
}
