//! Gradients gathered over batches, and what two optimizers make of them.

use super::ScheduleConfig;
use super::student::Student;
use crate::TrainError;
use crate::network::Trainable;
use burn::grad_clipping::GradientClippingConfig;
use burn::optim::{AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{Bytes, Tensor};

/// A student and its optimizers: one of weights and norms, one of the quantizers' steps.
pub(super) struct Descent<'a, N: Trainable> {
    /// Taken out while an optimizer has it.
    student: Option<Student<'a, N>>,
    optimizers: [ModuleOptimizer; 2],
    gathered: [GradientsAccumulator<N::Weights>; 2],
}

impl<'a, N: Trainable> Descent<'a, N> {
    pub(super) fn new(student: Student<'a, N>, schedule: &ScheduleConfig) -> Self {
        Self {
            student: Some(student),
            optimizers: [optimizer(schedule.clip, schedule.weight_decay), optimizer(schedule.clip, 0.0)],
            gathered: [GradientsAccumulator::new(), GradientsAccumulator::new()],
        }
    }

    pub(super) fn student(&self) -> Result<&Student<'a, N>, TrainError> {
        self.student.as_ref().ok_or_else(|| TrainError::Unsupported("an optimizer kept the network".into()))
    }

    /// Adds a loss's gradients to those gathered.
    pub(super) fn gather(&mut self, loss: &Tensor<1>) -> Result<(), TrainError> {
        let mut gradients = loss.backward();
        // Not `student()`: that borrows the accumulators too.
        let Some(student) = &self.student else { return self.student().map(|_| ()) };
        let weights = student.network().weights();
        let (of_weights, of_steps) = student.groups();
        for (gathered, ids) in self.gathered.iter_mut().zip([of_weights, of_steps]) {
            gathered.accumulate(weights, GradientsParams::from_params(&mut gradients, weights, ids));
        }
        Ok(())
    }

    /// One step of both optimizers, with a learning rate each.
    pub(super) fn descend(&mut self, rates: [f64; 2]) {
        let Self { student, optimizers, gathered } = self;
        *student = student.take().map(|student| {
            student.updated(|network| {
                let mut weights = network.weights().clone();
                for ((optimizer, gathered), rate) in optimizers.iter_mut().zip(gathered).zip(rates) {
                    weights = optimizer.step(rate, weights, gathered.grads());
                }
                network.with_weights(weights)
            })
        });
    }

    /// The optimizers' moments, in burn's own format.
    pub(super) fn moments(&self) -> Result<[Vec<u8>; 2], String> {
        let state = |optimizer: &ModuleOptimizer| {
            optimizer.into_bytes().map(|bytes| bytes.to_vec()).map_err(|e| e.to_string())
        };
        Ok([state(&self.optimizers[0])?, state(&self.optimizers[1])?])
    }

    /// Goes back to parameters and moments of an earlier time.
    pub(super) fn restore(
        &mut self,
        values: Vec<super::student::ParameterValue>,
        moments: [Vec<u8>; 2],
    ) -> Result<(), String> {
        if let Some(student) = self.student.take() {
            self.student = Some(student.with_values(values)?);
        }
        for (optimizer, state) in self.optimizers.iter_mut().zip(moments) {
            let fresh = optimizer.clone();
            *optimizer = fresh.from_bytes(Bytes::from_bytes_vec(state)).map_err(|e| e.to_string())?;
        }
        Ok(())
    }
}

/// AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), each tensor's gradient clipped.
fn optimizer(clip: f32, weight_decay: f32) -> ModuleOptimizer {
    AdamWConfig::new()
        .with_beta_2(0.98)
        .with_epsilon(1e-8)
        .with_weight_decay(weight_decay)
        .with_grad_clipping(Some(GradientClippingConfig::Norm(clip)))
        .init()
}
