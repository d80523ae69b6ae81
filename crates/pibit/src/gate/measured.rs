//! A gate's figures, and what became of them.

use serde::Serialize;
use std::collections::BTreeMap;

/// Figures by name.
pub(crate) type Figures = BTreeMap<&'static str, f64>;

/// What measuring a gate gave.
pub(crate) enum Measured {
    /// Its figures.
    Figures(Figures),
    /// Nothing, because something that it needs is not there.
    Absent(String),
}

impl Measured {
    pub(super) fn absent(reason: impl Into<String>) -> Self {
        Self::Absent(reason.into())
    }
}

impl<const N: usize> From<[(&'static str, f64); N]> for Measured {
    fn from(figures: [(&'static str, f64); N]) -> Self {
        Self::Figures(figures.into())
    }
}

/// What a gate's figures came to.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    /// Absent where the gate could not be evaluated: that is not a pass.
    pub(crate) pass: Option<bool>,
    pub(crate) figures: Figures,
    /// Limits that were not kept, with their reasons; or why there are no figures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

impl Outcome {
    /// Of a gate that met an error.
    pub(super) fn failed(error: &anyhow::Error) -> Self {
        Self { pass: Some(false), figures: Figures::new(), notes: vec![format!("{error:#}")] }
    }
}
