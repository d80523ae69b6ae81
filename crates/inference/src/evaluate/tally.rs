//! Figures over all scored positions.

use super::EvalReport;
use super::row::RowScore;

/// Collects scores.
pub(super) struct Tally {
    with_reference: bool,
    nll: f64,
    nll_squared: f64,
    same_top: usize,
    /// Every divergence: percentiles need them all.
    klds: Vec<f64>,
    count: usize,
}

/// What a tally had added up at some time.
#[derive(Clone, Copy)]
pub(super) struct Sums {
    nll: f64,
    same_top: usize,
    count: usize,
}

impl Tally {
    pub(super) fn new(with_reference: bool) -> Self {
        Self { with_reference, nll: 0.0, nll_squared: 0.0, same_top: 0, klds: Vec::new(), count: 0 }
    }

    pub(super) fn add(&mut self, scores: &[RowScore]) {
        for score in scores {
            self.nll += score.nll;
            self.nll_squared += score.nll * score.nll;
            self.same_top += usize::from(score.same_top);
        }
        self.count += scores.len();
        if self.with_reference {
            self.klds.extend(scores.iter().map(|s| s.kld));
        }
    }

    /// Sums so far, for [`means_since`](Self::means_since).
    pub(super) fn sums(&self) -> Sums {
        Sums { nll: self.nll, same_top: self.same_top, count: self.count }
    }

    /// Mean negative log-likelihood, and agreement with the reference where there is one, since `before`.
    pub(super) fn means_since(&self, before: Sums) -> (f64, Option<f64>) {
        let n = (self.count - before.count) as f64;
        let same = (self.same_top - before.same_top) as f64;
        ((self.nll - before.nll) / n, self.with_reference.then_some(same / n))
    }

    /// Figures so far; at least one position must have been scored.
    pub(super) fn report(&self, chunks: usize) -> EvalReport {
        let n = self.count as f64;
        let mean = self.nll / n;
        let variance = (self.nll_squared / n - mean * mean).max(0.0);
        let error = if self.count > 1 { (variance / (n - 1.0)).sqrt() } else { 0.0 };
        let ppl = mean.exp();
        let of_reference = |figure: f64| self.with_reference.then_some(figure);
        EvalReport {
            ppl,
            ppl_err: error * ppl,
            mean_nll: mean,
            kld_mean: of_reference(self.klds.iter().sum::<f64>() / n),
            kld_p99: self.with_reference.then(|| percentile(&self.klds, 0.99)),
            top1: of_reference(self.same_top as f64 / n),
            tokens: self.count,
            chunks,
        }
    }
}

/// Percentile with linear interpolation between neighbours, as llama.cpp's.
fn percentile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    let at = share * (values.len() - 1) as f64;
    let (below, part) = (at as usize, at.fract());
    let (_, &mut lower, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let upper = above.iter().copied().reduce(f64::min).unwrap_or(lower);
    lower * (1.0 - part) + upper * part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_interpolate() {
        let values: Vec<f64> = (0..=200).rev().map(f64::from).collect();
        assert!((percentile(&values, 0.99) - 198.0).abs() < 1e-9);
        assert!((percentile(&[1.0, 2.0], 0.99) - 1.99).abs() < 1e-9);
        assert!((percentile(&[7.0], 0.99) - 7.0).abs() < 1e-9);
    }

    #[test]
    fn parts_have_their_own_means() {
        let mut tally = Tally::new(true);
        let score = |nll, same_top| RowScore { nll, kld: 0.0, same_top };
        tally.add(&[score(9.0, false)]);
        let before = tally.sums();
        tally.add(&[score(1.0, true), score(2.0, false)]);
        assert_eq!(tally.means_since(before), (1.5, Some(0.5)));
    }

    #[test]
    fn the_error_is_that_of_the_mean() {
        let mut tally = Tally::new(false);
        // Two values 1 ± 0.5: population variance 0.25, error of the mean √(0.25/1).
        let score = |nll| RowScore { nll, kld: 0.0, same_top: true };
        tally.add(&[score(0.5), score(1.5)]);
        let report = tally.report(1);
        assert!((report.ppl - 1.0_f64.exp()).abs() < 1e-12);
        assert!((report.ppl_err - 0.5 * 1.0_f64.exp()).abs() < 1e-12);
        assert_eq!((report.kld_mean, report.tokens), (None, 2));
    }
}
