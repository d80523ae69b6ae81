//! How a block's scale is chosen.

use super::{Grid, search};
use crate::StepSearch;

/// A figure of a block that a closed form starts from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Statistic {
    /// √(Σw²/n).
    RootMeanSquare,
    /// Σ|w|/n.
    MeanMagnitude,
    /// max|w|.
    LargestMagnitude,
}

impl Statistic {
    fn of(self, weights: &[f32]) -> f32 {
        let mean = |total: f64| (total / weights.len() as f64) as f32;
        match self {
            Self::RootMeanSquare => mean(weights.iter().map(|&w| f64::from(w).powi(2)).sum()).sqrt(),
            Self::MeanMagnitude => mean(weights.iter().map(|&w| f64::from(w.abs())).sum()),
            Self::LargestMagnitude => weights.iter().fold(0.0, |m, w| m.max(w.abs())),
        }
    }
}

/// The rule for a block's scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ScaleRule {
    /// A statistic of the block times a factor.
    ClosedForm(Statistic, f32),
    /// The scale and orientation of least squared error, weighted by importance or not.
    LeastSquares {
        /// Whether importance counts.
        weighted: bool,
    },
}

impl ScaleRule {
    /// The rule that an option asks for; `closed_form` is the format's answer to [`StepSearch::Rms`].
    pub(crate) fn from_option(step: StepSearch, closed_form: (Statistic, f32)) -> Self {
        match step {
            StepSearch::Rms => Self::ClosedForm(closed_form.0, closed_form.1),
            StepSearch::Mse => Self::LeastSquares { weighted: false },
            StepSearch::Imatrix => Self::LeastSquares { weighted: true },
        }
    }

    /// The scale of a block.
    pub(crate) fn scale(self, grid: &Grid, weights: &[f32], importance: Option<&[f32]>) -> f32 {
        match self {
            Self::ClosedForm(statistic, factor) => statistic.of(weights) * factor,
            Self::LeastSquares { weighted } => {
                search::least_squares(grid, weights, importance.filter(|_| weighted))
            }
        }
    }
}
