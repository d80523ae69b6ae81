//! A numeric axis, linear or logarithmic, with round ticks.

use crate::table::tick;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// A range of values mapped to pixels. One type for both scales, so that plots need not be generic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    log: bool,
}

impl Scale {
    /// Whether a value has a place on such an axis.
    pub(super) fn takes(log: bool, value: f64) -> bool {
        value.is_finite() && (!log || value > 0.0)
    }

    /// An axis around `values`, all of which it [`takes`](Self::takes), with room at both ends.
    pub(super) fn around(values: impl Iterator<Item = f64> + Clone, log: bool) -> Self {
        let project = |value: f64| if log { value.log10() } else { value };
        let low = values.clone().map(project).fold(f64::INFINITY, f64::min);
        let high = values.map(project).fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        let room = if high > low { (high - low) * 0.07 } else { (high.abs() * 0.1).max(0.5) };
        // A size or an error near zero reads best with the zero in sight, not with an axis below it.
        let start = if !log && low >= 0.0 { (low - room).max(0.0) } else { low - room };
        Self { low: start, high: high + room, log }
    }

    /// An axis over exactly this range.
    pub(super) fn exactly(low: f64, high: f64) -> Self {
        Self { low, high, log: false }
    }

    fn project(&self, value: f64) -> f64 {
        if self.log { value.log10() } else { value }
    }

    /// Round values inside the range: 1, 2, 5 times powers of ten.
    pub(super) fn ticks(&self) -> Vec<f64> {
        if !self.log {
            return linear_ticks(self.low, self.high);
        }
        let decades = self.high - self.low;
        if decades < 0.7 {
            return linear_ticks(10_f64.powf(self.low), 10_f64.powf(self.high));
        }
        let digits: &[f64] = if decades < 3.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let every = (decades / 8.0).ceil().max(1.0) as i32;
        let exponents =
            (self.low.floor() as i32..=self.high.ceil() as i32).filter(|e| e.rem_euclid(every) == 0);
        let ticks = exponents.flat_map(|e| digits.iter().map(move |digit| digit * 10_f64.powi(e)));
        ticks.filter(|tick| (self.low..=self.high).contains(&tick.log10())).collect()
    }
}

fn linear_ticks(low: f64, high: f64) -> Vec<f64> {
    let raw = (high - low) / 6.0;
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].iter().map(|digit| digit * power).find(|step| *step >= raw);
    let step = step.unwrap_or(raw);
    let first = (low / step).ceil();
    (0..12).map(|i| (first + f64::from(i)) * step).take_while(|tick| *tick <= high + step * 1e-9).collect()
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (self.project(*value) - self.low) / (self.high - self.low);
        limit.0 + (f64::from(limit.1 - limit.0) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let mut ticks = self.ticks();
        ticks.truncate(hint.max_num_points());
        ticks
    }

    fn range(&self) -> Range<f64> {
        let back = |end: f64| if self.log { 10_f64.powf(end) } else { end };
        back(self.low)..back(self.high)
    }
}

impl ValueFormatter<f64> for Scale {
    fn format(value: &f64) -> String {
        let suffixes = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
        let large = suffixes.iter().find(|(unit, _)| value.abs() >= 1e4 && value.abs() >= *unit);
        large.map_or_else(|| tick(*value, 6), |(unit, suffix)| tick(value / unit, 6) + suffix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(Scale::exactly(0.0, 6.0).ticks(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let perplexities = Scale::around([26.9, 45.8].into_iter(), true);
        assert!(perplexities.ticks().len() >= 3, "{:?}", perplexities.ticks());
        assert_eq!(Scale::around([1.0, 1e6].into_iter(), true).ticks(), [1.0, 10.0, 1e2, 1e3, 1e4, 1e5, 1e6]);
    }

    #[test]
    fn large_ticks_are_short() {
        let text = |value: f64| <Scale as ValueFormatter<f64>>::format(&value);
        assert_eq!([2000.0, 1e4, 1.5e5, 1e6, 5e9].map(text), ["2000", "10k", "150k", "1M", "5G"]);
    }

    proptest! {
        #[test]
        fn any_data_has_an_axis_that_holds_it(values in prop::collection::vec(1e-9_f64..1e9, 0..9), log: bool) {
            let scale = Scale::around(values.iter().copied(), log);
            let ticks = scale.ticks();
            prop_assert!((1..=30).contains(&ticks.len()), "{:?}", ticks);
            for value in values {
                prop_assert!((0..=100).contains(&scale.map(&value, (0, 100))));
            }
        }
    }
}
