//! What is remarkable about calibration data, in words.

use super::DataSource;
use quant_core::LayerMoments;
use serde::{Deserialize, Serialize};

/// Mean square over the median from which an input is called an outlier: where a step fitted to the others is of no use
/// to it.
const OUTLIER: f64 = 1000.0;
/// Total variation distance from which a source is called unlike the others.
const UNLIKE: f64 = 0.35;

/// The inputs of linear layers that read the same ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct InputFinding {
    pub(crate) tensors: Vec<String>,
    pub(crate) width: usize,
    /// Inputs that were zero throughout.
    pub(crate) dead: usize,
    /// Mean square of the strongest input over the median.
    pub(crate) outlier_ratio: f64,
    /// Index of the strongest input.
    pub(crate) strongest: usize,
    /// The source that differs most from the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unlike: Option<Unlike>,
}

/// A source that differs from the others.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Unlike {
    pub(crate) source: String,
    /// Total variation distance of its input energies from those of the whole, 0 to 1.
    pub(crate) distance: f64,
}

impl InputFinding {
    pub(crate) fn new(moments: &LayerMoments, sources: &[DataSource]) -> Self {
        let check = moments.check();
        let unlike = check.shift.map(|shift| {
            let (source, distance) = (sources[shift.part].name.clone(), shift.distance);
            Unlike { source, distance }
        });
        Self {
            tensors: moments.tensors().to_vec(),
            width: moments.width(),
            dead: check.dead,
            outlier_ratio: check.outlier_ratio,
            strongest: check.strongest,
            unlike,
        }
    }

    fn distance(&self) -> f64 {
        self.unlike.as_ref().map_or(0.0, |unlike| unlike.distance)
    }
}

/// One sentence for each kind of problem, with its worst case.
pub(crate) fn warnings(findings: &[InputFinding], tokens: u64) -> Vec<String> {
    let worst = |bad: fn(&InputFinding) -> f64, limit: f64| {
        let found = findings.iter().filter(move |finding| bad(finding) > limit);
        let count = found.clone().count();
        found.max_by(|a, b| bad(a).total_cmp(&bad(b))).map(|worst| (count, worst))
    };
    let widest = findings.iter().map(|finding| finding.width).max().unwrap_or(0);
    let few = (tokens < 2 * widest as u64).then(|| {
        format!(
            "{tokens} tokens are few for layers with {widest} inputs: give at least {} (more text or --samples)",
            2 * widest
        )
    });
    let dead = worst(|f| f.dead as f64, 0.0).map(|(count, f)| {
        format!(
            "in {count} layers some inputs are always zero, most in {}: {} of {}; what their weights do is unknown",
            f.tensors[0], f.dead, f.width
        )
    });
    let outliers = worst(|f| f.outlier_ratio, OUTLIER).map(|(count, f)| {
        format!(
            "in {count} layers an input is far stronger than the others, most in {}: input {} has {:.0} times the \
             median's mean square; rotate before rounding to few bits",
            f.tensors[0], f.strongest, f.outlier_ratio
        )
    });
    let unlike = worst(InputFinding::distance, UNLIKE).map(|(count, f)| {
        let source = f.unlike.as_ref().map_or("", |unlike| &unlike.source);
        format!(
            "{source} is unlike the rest of the data ({count} layers; {:.0}% of the energy is elsewhere in {}): balance \
             the sources by what the model is for",
            100.0 * f.distance(),
            f.tensors[0]
        )
    });
    [few, dead, outliers, unlike].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(dead: usize, outlier_ratio: f64, distance: f64) -> InputFinding {
        let unlike = Some(Unlike { source: "pibit:math".into(), distance });
        InputFinding { tensors: vec!["q".into()], width: 64, dead, outlier_ratio, strongest: 3, unlike }
    }

    #[test]
    fn sound_data_raises_no_warning() {
        assert_eq!(warnings(&[finding(0, 10.0, 0.1)], 128), [""; 0]);
    }

    #[test]
    fn each_problem_is_said_once_with_its_worst_case() {
        let findings = [finding(2, 5000.0, 0.5), finding(7, 2000.0, 0.9), finding(0, 1.0, 0.0)];
        let said = warnings(&findings, 127);
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(said[0].contains("127 tokens are few") && said[0].contains("at least 128"), "{}", said[0]);
        assert!(said[1].contains("in 2 layers") && said[1].contains("7 of 64"), "{}", said[1]);
        assert!(said[2].contains("input 3 has 5000 times"), "{}", said[2]);
        assert!(said[3].contains("pibit:math is unlike") && said[3].contains("90%"), "{}", said[3]);
    }
}
