//! What is watched, and within which limits.

use serde::Serialize;

/// A running figure of quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Measure {
    /// exp of the mean negative log-likelihood of the tokens that came.
    Perplexity,
    /// Share of tokens that a reference also finds most likely, 0 to 1.
    Agreement,
    /// Share of outputs of linear layers that F16 cannot hold, 0 to 1.
    Saturation,
    /// Share of inputs of linear layers beyond six times their row's root mean square, 0 to 1.
    Outliers,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Perplexity, Self::Agreement, Self::Saturation, Self::Outliers];

    /// As events call it.
    pub fn name(self) -> &'static str {
        ["perplexity", "agreement", "saturation", "outliers"][self as usize]
    }

    /// The figure that a mean of observations stands for.
    pub(super) fn figure(self, mean: f64) -> f64 {
        if self == Self::Perplexity { mean.exp() } else { mean }
    }

    /// Whether a figure is within its limit; what is no number is not.
    pub(super) fn keeps(self, value: f64, limit: f64) -> bool {
        if self == Self::Agreement { value >= limit } else { value <= limit }
    }
}

/// Where quality is good enough. What has no limit raises no alarm.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct QualityLimits {
    /// Largest perplexity.
    pub perplexity: Option<f64>,
    /// Smallest share of the same top token, 0 to 1.
    pub agreement: Option<f64>,
    /// Largest share of saturated outputs, 0 to 1.
    pub saturation: Option<f64>,
    /// Largest share of outliers among inputs, 0 to 1.
    pub outliers: Option<f64>,
}

impl QualityLimits {
    pub(super) fn of(&self, measure: Measure) -> Option<f64> {
        [self.perplexity, self.agreement, self.saturation, self.outliers][measure as usize]
    }
}

/// A measure that left its limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Drift {
    /// Which.
    pub measure: Measure,
    /// What it is.
    pub value: f64,
    /// What it should be, at most or at least.
    pub limit: f64,
    /// Whether more bits were asked for and will come.
    pub raised: bool,
}
