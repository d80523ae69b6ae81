//! Dynamic programming over bytes.

use crate::precision::ExpertDemand;

/// The cheapest choices, or nothing where more than `most_cells` would have to be looked at.
pub(super) fn solve(experts: &[ExpertDemand], spare: u64, most_cells: u64) -> Option<Vec<usize>> {
    let extra = |e: &ExpertDemand, option: usize| e.options()[option].bytes - e.options()[0].bytes;
    let sizes = experts.iter().flat_map(|e| (0..e.options().len()).map(move |o| extra(e, o)));
    let unit = sizes.fold(0, gcd).max(1);
    let all: u64 = experts.iter().map(|e| extra(e, e.options().len() - 1)).sum();
    let width = spare.min(all) / unit + 1;
    if width.checked_mul(experts.len() as u64).is_none_or(|cells| cells > most_cells) {
        return None;
    }
    let width = width as usize;
    // cost[u]: least cost of the experts so far in at most u units; picks: the last one's option in that plan.
    let (mut cost, mut next) = (vec![0.0; width], vec![0.0; width]);
    let mut picks = vec![0_u8; width * experts.len()];
    for (expert, picks) in experts.iter().zip(picks.chunks_exact_mut(width)) {
        next.fill(f64::INFINITY);
        for option in 0..expert.options().len() {
            let units = (extra(expert, option) / unit) as usize;
            let price = expert.cost(option);
            for at in units..width {
                let total = cost[at - units] + price;
                if total < next[at] {
                    (next[at], picks[at]) = (total, option as u8);
                }
            }
        }
        std::mem::swap(&mut cost, &mut next);
    }
    let mut at = width - 1;
    let mut choices = vec![0; experts.len()];
    for (i, expert) in experts.iter().enumerate().rev() {
        choices[i] = usize::from(picks[i * width + at]);
        at -= (extra(expert, choices[i]) / unit) as usize;
    }
    Some(choices)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
