//! Two residual streams over the same tokens: that of the network in full precision, and that of the student so far.

use crate::TrainError;
use crate::network::Layer;
use burn::tensor::{Device, Tensor, TensorData};
use domain_types::TokenId;

/// Values `[rows × length, width]` of both streams. They are on the host: a device needs only a batch at a time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Streams {
    pub(super) width: usize,
    pub(super) length: usize,
    /// In full precision: behind the block that is being trained.
    pub(super) target: Vec<f32>,
    /// Of the student: before that block.
    pub(super) student: Vec<f32>,
}

impl Streams {
    /// Both behind the embedding: the original's table and the student's.
    pub(super) fn embed(rows: &[Vec<TokenId>], width: usize, [target, student]: [&[f32]; 2]) -> Self {
        let embed = |table: &[f32]| {
            let row = |id: &TokenId| table[*id as usize * width..][..width].to_vec();
            rows.iter().flatten().flat_map(row).collect()
        };
        Self { width, length: rows[0].len(), target: embed(target), student: embed(student) }
    }

    /// Sends the target through a block, `together` rows at a time.
    pub(super) fn advance_target(&mut self, block: &Layer, together: usize) -> Result<(), TrainError> {
        self.target = self.through(block, &self.target, together)?;
        Ok(())
    }

    /// What a block makes of the student's stream.
    pub(super) fn output(&self, block: &Layer, together: usize) -> Result<Vec<f32>, TrainError> {
        self.through(block, &self.student, together)
    }

    pub(super) fn advance_student(&mut self, output: Vec<f32>) {
        self.student = output;
    }

    fn through(&self, block: &Layer, stream: &[f32], together: usize) -> Result<Vec<f32>, TrainError> {
        let device = crate::network::Trainable::device(block);
        let mut outputs = Vec::with_capacity(stream.len());
        for part in stream.chunks(together * self.length * self.width) {
            let output = block.forward(self.tensor(part.to_vec(), &device), self.length);
            let values = output.try_into_vec_as::<f32>();
            outputs.extend(values.map_err(|e| TrainError::Unsupported(e.to_string()))?);
        }
        Ok(outputs)
    }

    /// Inputs and targets of some rows, `[rows × length, width]` each.
    pub(super) fn batch(&self, rows: &[usize], device: &Device) -> [Tensor<2>; 2] {
        let size = self.length * self.width;
        [&self.student, &self.target].map(|stream| {
            let values = rows.iter().flat_map(|row| &stream[row * size..][..size]).copied().collect();
            self.tensor(values, device)
        })
    }

    fn tensor(&self, values: Vec<f32>, device: &Device) -> Tensor<2> {
        let positions = values.len() / self.width;
        Tensor::from_data(TensorData::new(values, [positions, self.width]), device)
    }

    /// Mean over positions of ‖output − target‖²/‖target‖².
    pub(super) fn error(&self, output: &[f32]) -> f64 {
        let positions = output.chunks(self.width).zip(self.target.chunks(self.width));
        let errors = positions.map(|(output, target)| {
            let energy =
                |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v * v)).sum::<f64>();
            let lost = energy(&mut output.iter().zip(target).map(|(o, t)| o - t));
            lost / energy(&mut target.iter().copied()).max(f64::MIN_POSITIVE)
        });
        errors.sum::<f64>() / (output.len() / self.width) as f64
    }
}
