//! Whether calibration data is fit for its purpose.

use super::LayerMoments;

/// What is remarkable about the inputs of a linear layer.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct InputCheck {
    /// Inputs that were zero throughout: nothing is known of the weights that they meet.
    pub dead: usize,
    /// Mean square of the strongest input over the median of those that are not dead; 0 where all are.
    pub outlier_ratio: f64,
    /// Index of the strongest input.
    pub strongest: usize,
    /// The part of the data that differs most from the whole, where it has several parts.
    pub shift: Option<PartShift>,
}

/// How far a part of the data is from the whole.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct PartShift {
    /// Number of the part.
    pub part: usize,
    /// Total variation distance between the shares that inputs have in the energy of the part and of the whole: 0 for
    /// the same distribution, 1 for no input in common.
    pub distance: f64,
}

impl LayerMoments {
    /// Looks for inputs that never fire, outliers and parts of the data unlike the rest.
    pub fn check(&self) -> InputCheck {
        let squares = self.sums_of_squares();
        let mut live: Vec<f64> = squares.iter().copied().filter(|&x| x != 0.0).collect();
        live.sort_by(f64::total_cmp);
        let median = live.get(live.len() / 2);
        let strongest = (0..squares.len()).max_by(|&a, &b| squares[a].total_cmp(&squares[b])).unwrap_or(0);
        InputCheck {
            dead: self.width - live.len(),
            outlier_ratio: median.map_or(0.0, |median| squares[strongest] / median),
            strongest,
            shift: self.largest_shift(&squares),
        }
    }

    fn largest_shift(&self, whole: &[f64]) -> Option<PartShift> {
        if self.parts.len() < 2 {
            return None;
        }
        let zeros = vec![0.0; self.width];
        let starts = std::iter::once(&zeros).chain(&self.parts);
        let shifts = starts.zip(&self.parts).enumerate().filter(|(_, (_, end))| !end.is_empty());
        let shifts = shifts.map(|(part, (start, end))| {
            let squares: Vec<f64> = end.iter().zip(start).map(|(end, start)| end - start).collect();
            PartShift { part, distance: total_variation(&squares, whole) }
        });
        shifts.max_by(|a, b| a.distance.total_cmp(&b.distance))
    }
}

fn total_variation(a: &[f64], b: &[f64]) -> f64 {
    let (total_a, total_b) = (a.iter().sum::<f64>(), b.iter().sum::<f64>());
    if total_a == 0.0 || total_b == 0.0 {
        return 0.0;
    }
    a.iter().zip(b).map(|(a, b)| (a / total_a - b / total_b).abs()).sum::<f64>() / 2.0
}
