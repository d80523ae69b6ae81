//! What weights are worth to a model, by the curvature of its loss.

use super::gradients::differentiate;
use crate::TrainError;
use crate::network::Llama;
use crate::qat::{QatData, ScheduleConfig, Stream};
use burn::tensor::Device;
use domain_types::{TensorSource, Tokenizer};
use std::collections::BTreeMap;

/// The empirical Fisher information of a model's matrices: mean over rows of squared gradients of a row's mean loss.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fisher {
    /// By GGUF name.
    pub matrices: BTreeMap<String, MatrixFisher>,
    /// Rows that the mean is over.
    pub rows: usize,
    /// Tokens of a row.
    pub row_length: usize,
}

/// The Fisher information of one matrix `[out, in]`.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixFisher {
    /// Per input channel: the sum over its weights.
    pub channels: Vec<f32>,
    /// Per block of weights that share a scale s, in the order of the weights: with respect to ln s. Empty where the
    /// matrix has no such blocks.
    pub scales: Vec<f32>,
}

impl Fisher {
    /// Measures a model whose tensors are F32 or F16. `blocks` has the weights per scale of the matrices that have
    /// scales of their own; rows must be multiples of it. `progress` is called with the rows done.
    ///
    /// # Errors
    /// A model that this network cannot be, data too short for a row, a loss that is not finite.
    pub fn measure(
        source: &dyn TensorSource,
        tokenizer: &dyn Tokenizer,
        (data, schedule): (&QatData, &ScheduleConfig),
        rows: usize,
        blocks: &BTreeMap<String, usize>,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Self, TrainError> {
        let network = Llama::import(source, &Device::flex().autodiff())?;
        let widths = widths(source);
        let weights = Weights { source, blocks };
        let mut stream = Stream::new(data, schedule, tokenizer)?;
        let mut matrices = BTreeMap::new();
        for done in 1..=rows {
            let batch = stream.next(1, schedule.row_length)?;
            let mut failure = None;
            let loss = differentiate(
                &network,
                &batch,
                |_| true,
                |name, gradient| {
                    let added =
                        weights.of(name).map(|w| add(&mut matrices, name, &gradient, widths[name], w));
                    failure = failure.take().or(added.err());
                },
            )?;
            if let Some(error) = failure {
                return Err(error);
            }
            if !loss.is_finite() {
                return Err(TrainError::Diverged { step: done, loss: loss as f32 });
            }
            progress(done);
        }
        let mut fisher = Self { matrices, rows, row_length: schedule.row_length };
        fisher.divide(rows);
        Ok(fisher)
    }

    fn divide(&mut self, rows: usize) {
        let share = 1.0 / rows.max(1) as f32;
        for matrix in self.matrices.values_mut() {
            matrix.channels.iter_mut().chain(&mut matrix.scales).for_each(|x| *x *= share);
        }
    }
}

/// Row lengths of matrices by name.
fn widths(source: &dyn TensorSource) -> BTreeMap<String, usize> {
    source.tensors().iter().map(|info| (info.name.clone(), info.shape.row_len())).collect()
}

/// The weights of matrices that have scales, with how many share one.
struct Weights<'a> {
    source: &'a dyn TensorSource,
    blocks: &'a BTreeMap<String, usize>,
}

impl Weights<'_> {
    fn of(&self, name: &str) -> Result<Option<(Vec<f32>, usize)>, TrainError> {
        let Some(block) = self.blocks.get(name) else { return Ok(None) };
        let tensor = self.source.tensor(name)?;
        let reason = format!("it is {}; dequantize the model to f16 or f32 first", tensor.format().id());
        let values = crate::network::values(&tensor);
        let values = values.ok_or(TrainError::Tensor { name: name.to_owned(), reason })?;
        Ok(Some((values, *block)))
    }
}

/// Adds the squares of one row's gradient.
fn add(
    matrices: &mut BTreeMap<String, MatrixFisher>,
    name: &str,
    gradient: &[f32],
    width: usize,
    weights: Option<(Vec<f32>, usize)>,
) {
    let of_scales = weights.map(|(weights, block)| scale_gradients(&weights, gradient, width, block));
    let of_scales = of_scales.unwrap_or_default();
    let matrix = matrices
        .entry(name.to_owned())
        .or_insert_with(|| MatrixFisher { channels: vec![0.0; width], scales: vec![0.0; of_scales.len()] });
    for row in gradient.chunks_exact(width) {
        matrix.channels.iter_mut().zip(row).for_each(|(sum, g)| *sum += g * g);
    }
    matrix.scales.iter_mut().zip(of_scales).for_each(|(sum, g)| *sum += g * g);
}

/// Gradients with respect to ln s of each block's scale s: the sum of its weights times their gradients, because weights
/// are s times levels.
pub(super) fn scale_gradients(weights: &[f32], gradient: &[f32], width: usize, block: usize) -> Vec<f32> {
    let rows = weights.chunks_exact(width).zip(gradient.chunks_exact(width));
    let blocks = rows.flat_map(|(w, g)| w.chunks(block).zip(g.chunks(block)));
    blocks.map(|(w, g)| w.iter().zip(g).map(|(w, g)| w * g).sum()).collect()
}
