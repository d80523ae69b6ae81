//! Limits of figures, with the reason for each.

use super::Name;
use super::measured::{Figures, Measured, Outcome};
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The limits that the project holds itself to.
const OWN: &str = include_str!("../../gates.toml");

/// The limits of every gate.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Limits(BTreeMap<String, BTreeMap<String, Limit>>);

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    #[serde(default)]
    min: Option<f64>,
    #[serde(default)]
    max: Option<f64>,
    /// Counted in `conditions_met`, instead of failing the gate.
    #[serde(default)]
    counts: bool,
    reason: String,
}

impl Limit {
    fn keeps(&self, figure: f64) -> bool {
        // A figure that is no number keeps no limit.
        figure.is_finite()
            && self.min.is_none_or(|min| figure >= min)
            && self.max.is_none_or(|max| figure <= max)
    }
}

impl Limits {
    /// Those of a file, or the project's own.
    pub(crate) fn read(file: Option<&Path>) -> Result<Self> {
        let Some(path) = file else { return Ok(toml::from_str(OWN)?) };
        let text =
            std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} has no usable limits", path.display()))
    }

    /// How many of the limits that count are kept.
    pub(super) fn met(&self, gate: Name, figures: &Figures) -> usize {
        let counting = self.of(gate).filter(|(_, limit)| limit.counts);
        counting.filter(|(name, limit)| limit.keeps(figure(figures, name))).count()
    }

    /// Holds figures against the limits. A limit whose figure is missing is not kept.
    pub(super) fn judge(&self, gate: Name, measured: Measured) -> Outcome {
        let figures = match measured {
            Measured::Figures(figures) => figures,
            Measured::Absent(reason) => {
                return Outcome { pass: None, figures: Figures::new(), notes: vec![reason] };
            }
        };
        let broken = |(name, limit): (&String, &Limit)| {
            let value = figure(&figures, name);
            // What cannot be measured is not merely one condition less.
            let counts = limit.counts && value.is_finite();
            (!limit.keeps(value)).then(|| (counts, format!("{name} is {value:.4}: {}", limit.reason)))
        };
        let broken: Vec<(bool, String)> = self.of(gate).filter_map(broken).collect();
        // A gate without limits would pass whatever happens.
        let pass = self.of(gate).next().is_some() && broken.iter().all(|(counts, _)| *counts);
        let notes = broken.into_iter().map(|(_, note)| note).collect();
        Outcome { pass: Some(pass), figures, notes }
    }

    fn of(&self, gate: Name) -> impl Iterator<Item = (&String, &Limit)> {
        self.0.get(gate.id()).into_iter().flatten()
    }
}

fn figure(figures: &Figures, name: &str) -> f64 {
    figures.get(name).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_no_number_fails() {
        let limits: Limits = toml::from_str(
            "[G6.megabytes]\nmax = 1\nreason = 'small'\n[G6.valid]\nmin = 1\nreason = 'sound'",
        )
        .unwrap();
        let judge = |figures: Measured| limits.judge(Name::G6, figures);
        assert_eq!(judge([("megabytes", 0.5), ("valid", 1.0)].into()).pass, Some(true));
        for wrong in [[("megabytes", 1.5), ("valid", 1.0)], [("megabytes", f64::NAN), ("valid", 1.0)]] {
            let outcome = judge(wrong.into());
            assert_eq!(outcome.pass, Some(false));
            assert!(outcome.notes[0].contains("small"), "{:?}", outcome.notes);
        }
        assert_eq!(judge([("megabytes", 0.5)].into()).pass, Some(false));
        assert_eq!(judge(Measured::absent("no file")).pass, None);
        assert_eq!(limits.judge(Name::G1, [].into()).pass, Some(false), "no limits, no pass");
    }

    #[test]
    fn every_own_limit_has_a_bound_and_a_reason() {
        let limits = Limits::read(None).unwrap();
        assert_eq!(limits.0.len(), 6);
        for (name, limit) in limits.0.values().flatten() {
            assert!(limit.min.is_some() || limit.max.is_some(), "{name}");
            assert!(limit.reason.len() > 20, "{name}");
        }
    }
}
