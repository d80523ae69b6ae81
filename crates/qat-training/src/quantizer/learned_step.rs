//! Scalar formats whose steps are learned together with the weights.

use super::granularity::StepLayout;
use super::grid::half;
use super::{FakeQuantizer, Gradients, Granularity, LevelGrid, Surrogate};
use domain_types::PortError;

/// ŵ = s·l: the step times the level nearest to w/s. Steps are rounded to F16 first, as a file stores them, and may be
/// negative, which mirrors the levels.
#[derive(Debug, Clone)]
pub(crate) struct LearnedStep {
    grid: LevelGrid,
    surrogate: Surrogate,
    layout: StepLayout,
}

impl LearnedStep {
    /// For a matrix of `dims` in a format with blocks of `block_len`.
    pub(crate) fn new(
        grid: LevelGrid,
        surrogate: Surrogate,
        granularity: Granularity,
        dims: [usize; 2],
        block_len: usize,
    ) -> Self {
        Self { grid, surrogate, layout: StepLayout::new(granularity, dims, block_len) }
    }

    pub(crate) fn step_dims(&self) -> [usize; 2] {
        self.layout.dims()
    }

    /// Steps that start where a quantizer without training ended: its own for every block, and the mean of what they
    /// cover for coarser ones. `None` where `decoded` is not on the grid.
    pub(crate) fn steps_of(&self, decoded: &[f32], block_len: usize, row_len: usize) -> Option<Vec<f32>> {
        let [rows, columns] = self.layout.dims();
        let (mut sums, mut counts) =
            (vec![(0.0_f32, 0.0_f32); rows * columns], vec![0_usize; rows * columns]);
        for (index, run) in self.layout.runs() {
            // A run lies in one row and is made of whole blocks but for a row's end.
            debug_assert!(run.len() <= row_len, "a run is part of a row");
            for block in decoded[run].chunks(block_len) {
                let step = self.grid.step_of(block)?;
                sums[index] = (sums[index].0 + step, sums[index].1 + step.abs());
                counts[index] += 1;
            }
        }
        let mean =
            |((sum, magnitude), count): (&(f32, f32), &usize)| (magnitude / *count as f32).copysign(*sum);
        Some(sums.iter().zip(&counts).map(mean).collect())
    }
}

fn inverse(step: f32) -> f32 {
    if step == 0.0 { 0.0 } else { step.recip() }
}

impl FakeQuantizer for LearnedStep {
    fn forward(&self, weights: &[f32], steps: &[f32]) -> Result<Vec<f32>, PortError> {
        let mut rounded = vec![0.0; weights.len()];
        for (index, run) in self.layout.runs() {
            let step = half(steps[index]);
            let inverse = inverse(step);
            for (rounded, weight) in rounded[run.clone()].iter_mut().zip(&weights[run]) {
                *rounded = step * self.grid.nearest(weight * inverse);
            }
        }
        Ok(rounded)
    }

    fn backward(&self, weights: &[f32], steps: &[f32], gradient: &[f32]) -> Gradients {
        let (low, high) = self.surrogate.range(&self.grid);
        let (lowest, highest) = self.grid.ends();
        let of_step = ((self.layout.sharing() as f32) * highest.max(-lowest)).sqrt().recip();
        let mut found = Gradients { weights: vec![0.0; weights.len()], steps: vec![0.0; steps.len()] };
        for (index, run) in self.layout.runs() {
            let step = half(steps[index]);
            let inverse = inverse(step);
            let mut sum = 0.0;
            let inputs = weights[run.clone()].iter().zip(&gradient[run.clone()]);
            for (found, (weight, gradient)) in found.weights[run].iter_mut().zip(inputs) {
                let x = weight * inverse;
                let level = self.grid.nearest(x);
                if (low..=high).contains(&x) {
                    let sign = (gradient * step.signum()).signum();
                    let passing = self.surrogate.scaling(sign, x - level);
                    *found = gradient * passing;
                    sum += gradient * (level - passing * x);
                } else {
                    sum += gradient * level;
                }
            }
            found.steps[index] += sum * of_step;
        }
        if !self.surrogate.trains_steps() {
            found.steps.fill(0.0);
        }
        found
    }
}
