//! The levels of a scalar format.

use crate::TrainError;

/// Levels in ascending order, in steps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LevelGrid {
    levels: Vec<f32>,
    thresholds: Vec<f32>,
}

impl LevelGrid {
    /// Checks that there are two levels or more, finite and in ascending order.
    pub(crate) fn new(levels: &[f32]) -> Result<Self, TrainError> {
        let ascending = levels.windows(2).all(|pair| pair[0] < pair[1]);
        if levels.len() < 2 || !ascending || !levels.iter().all(|level| level.is_finite()) {
            return Err(TrainError::Config(format!("{levels:?} are no levels in ascending order")));
        }
        let thresholds = levels.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect();
        Ok(Self { levels: levels.to_vec(), thresholds })
    }

    /// The lowest and the highest level.
    pub(crate) fn ends(&self) -> (f32, f32) {
        (self.levels[0], self.levels[self.levels.len() - 1])
    }

    /// Where the outermost levels' cells would end if they were as wide outside as inside.
    pub(crate) fn edges(&self) -> (f32, f32) {
        let (low, high) = self.ends();
        let last = self.thresholds.len() - 1;
        (2.0 * low - self.thresholds[0], 2.0 * high - self.thresholds[last])
    }

    /// The level nearest to `x`; the lower one half-way between two.
    #[inline]
    pub(crate) fn nearest(&self, x: f32) -> f32 {
        // Counting has no branch to mispredict, and grids are short.
        self.levels[self.thresholds.iter().map(|&threshold| usize::from(x > threshold)).sum::<usize>()]
    }

    /// A step with which all of `values` are levels, if there is one. Whoever knows what a file decodes to thereby
    /// knows its steps.
    pub(crate) fn step_of(&self, values: &[f32]) -> Option<f32> {
        let peak = values.iter().fold(0.0_f32, |peak, v| if v.abs() > peak.abs() { *v } else { peak });
        if peak == 0.0 {
            return Some(0.0);
        }
        let fits = |step: &f32| values.iter().all(|v| step * self.nearest(v / step) == *v);
        let candidates = self.levels.iter().filter(|level| **level != 0.0);
        candidates.map(|level| half(peak / level)).filter(fits).max_by(|a, b| a.abs().total_cmp(&b.abs()))
    }
}

/// The nearest number that a file can hold as a step.
pub(crate) fn half(step: f32) -> f32 {
    half::f16::from_f32(step.clamp(-65504.0, 65504.0)).to_f32()
}
