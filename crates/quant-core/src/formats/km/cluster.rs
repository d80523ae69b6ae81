//! k-means of numbers, exactly: clusters of sorted numbers are intervals, and the best ones are found by dynamic
//! programming (Wang and Song 2011, “Ckmeans.1d.dp”).

use crate::float_order;

/// The most numbers: a block.
const MOST: usize = 256;

/// What numbers without importance count for, beside the average: enough for a centroid to be near them.
const LEAST: f64 = 1e-6;

/// Centroids of least weighted squared distance, in ascending order; as many as `out` holds, at most as many as there are
/// weights. `importance` is not negative.
pub(super) fn centroids(weights: &[f32], importance: Option<&[f32]>, out: &mut [f32]) {
    let sums = Sums::new(weights, importance);
    let mut search =
        Search { sums: &sums, before: [0.0; MOST + 1], costs: [0.0; MOST + 1], ends: [0; MOST + 1] };
    let n = weights.len();
    for end in 1..=n {
        search.costs[end] = sums.cost(0, end);
    }
    let mut ends = vec![[0; MOST + 1]; out.len()];
    for (clusters, ends) in ends.iter_mut().enumerate().skip(1) {
        search.before = search.costs;
        search.extend(clusters + 1..n + 1, clusters..n);
        *ends = search.ends;
    }
    let mut end = n;
    for (cluster, out) in out.iter_mut().enumerate().rev() {
        let start = if cluster == 0 { 0 } else { ends[cluster][end] };
        *out = sums.mean(start, end) as f32;
        end = start;
    }
}

/// Sums over the first numbers in ascending order.
struct Sums {
    weight: [f64; MOST + 1],
    first: [f64; MOST + 1],
    second: [f64; MOST + 1],
}

impl Sums {
    fn new(weights: &[f32], importance: Option<&[f32]>) -> Self {
        let n = weights.len();
        assert!(n <= MOST, "a block has at most {MOST} weights");
        let total: f64 = importance.map_or(0.0, |all| all.iter().map(|i| f64::from(*i)).sum());
        let weight = |i: usize| match importance {
            Some(importance) if total > 0.0 => f64::from(importance[i]) + LEAST * total / n as f64,
            _ => 1.0,
        };
        let mut order = [0_u64; MOST];
        for (index, (place, w)) in order.iter_mut().zip(weights).enumerate() {
            *place = u64::from(float_order::key(*w)) << 32 | index as u64;
        }
        order[..n].sort_unstable();
        let mut sums = Self { weight: [0.0; MOST + 1], first: [0.0; MOST + 1], second: [0.0; MOST + 1] };
        for (at, place) in order[..n].iter().enumerate() {
            let i = *place as u32 as usize;
            let (count, x) = (weight(i), f64::from(weights[i]));
            sums.weight[at + 1] = sums.weight[at] + count;
            sums.first[at + 1] = sums.first[at] + count * x;
            sums.second[at + 1] = sums.second[at] + count * x * x;
        }
        sums
    }

    fn mean(&self, start: usize, end: usize) -> f64 {
        (self.first[end] - self.first[start]) / (self.weight[end] - self.weight[start])
    }

    /// The squared distance of the numbers from `start` to `end` to their mean.
    fn cost(&self, start: usize, end: usize) -> f64 {
        let first = self.first[end] - self.first[start];
        self.second[end] - self.second[start] - first * self.mean(start, end)
    }
}

/// Clusterings of the first numbers, one cluster more at a time.
struct Search<'a> {
    sums: &'a Sums,
    /// What the first numbers cost in one cluster less.
    before: [f64; MOST + 1],
    /// What they cost now.
    costs: [f64; MOST + 1],
    /// Where the clusters before the last end.
    ends: [usize; MOST + 1],
}

impl Search<'_> {
    /// Finds the best last cluster of the first `lengths` numbers, which begins among `starts`. More numbers never make it
    /// begin earlier, so the middle length halves what is left to search.
    fn extend(&mut self, lengths: std::ops::Range<usize>, starts: std::ops::Range<usize>) {
        if lengths.is_empty() {
            return;
        }
        let middle = lengths.start.midpoint(lengths.end);
        let (mut best, mut at) = (f64::INFINITY, starts.start);
        for start in starts.start..starts.end.min(middle) {
            let cost = self.before[start] + self.sums.cost(start, middle);
            if cost < best {
                (best, at) = (cost, start);
            }
        }
        (self.costs[middle], self.ends[middle]) = (best, at);
        self.extend(lengths.start..middle, starts.start..at + 1);
        self.extend(middle + 1..lengths.end, at..starts.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::normal;

    /// The least cost over all ways to cut sorted numbers.
    fn least(sorted: &[f32], clusters: usize) -> f64 {
        let cost = |part: &[f32]| {
            let mean = part.iter().map(|x| f64::from(*x)).sum::<f64>() / part.len() as f64;
            part.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>()
        };
        if clusters == 1 {
            return cost(sorted);
        }
        let cuts = clusters - 1..sorted.len();
        cuts.map(|cut| least(&sorted[..cut], clusters - 1) + cost(&sorted[cut..]))
            .fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn no_other_cut_costs_less() {
        for (seed, clusters) in [(0, 1), (5, 2), (9, 3), (20, 4)] {
            let numbers = &normal(40)[seed..seed + 12];
            let mut found = vec![0.0; clusters];
            centroids(numbers, None, &mut found);
            assert!(found.is_sorted(), "{found:?}");
            let distance =
                |x: f32| found.iter().map(|c| f64::from(x - c).powi(2)).fold(f64::INFINITY, f64::min);
            let cost: f64 = numbers.iter().map(|x| distance(*x)).sum();
            let mut sorted = numbers.to_vec();
            sorted.sort_by(f32::total_cmp);
            let want = least(&sorted, clusters);
            assert!((cost - want).abs() < 1e-5 * (1.0 + want), "{clusters}: {cost} is not {want}");
        }
    }

    #[test]
    fn as_many_values_as_centroids_are_found_exactly() {
        let values = [-0.5, 0.25, 0.125, 3.0];
        let numbers: Vec<f32> = (0..64).map(|i| values[(i * i + i / 3) % 4]).collect();
        let mut found = [0.0; 4];
        centroids(&numbers, None, &mut found);
        assert_eq!(found, [-0.5, 0.125, 0.25, 3.0]);
    }
}
