//! Repeated measurements of one thing.

use serde_json::{Value, json};

/// Measurements of one figure, one per round.
#[derive(Debug, Clone, Default)]
pub(super) struct Samples(Vec<f64>);

impl Samples {
    pub(super) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The median, because disturbances go one way; `None` where nothing was measured.
    pub(super) fn median(&self) -> Option<f64> {
        let sorted = self.sorted();
        let last = sorted.len().checked_sub(1)?;
        Some(f64::midpoint(sorted[last / 2], sorted[sorted.len() / 2]))
    }

    /// Least and largest.
    pub(super) fn range(&self) -> Option<(f64, f64)> {
        let sorted = self.sorted();
        Some((*sorted.first()?, *sorted.last()?))
    }

    pub(super) fn json(&self) -> Value {
        let (min, max) = self.range().unzip();
        json!({"median": self.median(), "min": min, "max": max, "rounds": self.0})
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(Samples(vec![3.0, 1.0, 10.0]).median(), Some(3.0));
        assert_eq!(Samples(vec![4.0, 1.0]).median(), Some(2.5));
        assert_eq!(Samples(vec![4.0, 1.0]).range(), Some((1.0, 4.0)));
        assert_eq!(Samples::default().median(), None);
    }
}
